// ops/local-stack/dependencies.ts: where the broker and the database come from. A ladder for each, the first rung that applies wins:
// one that runs already (environment), else a container where an engine answers, else a local one.

import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../shared/runtime/app-error.ts';
import { whyNoContainer } from './containers/engine.ts';
import { containerDir } from './containers/orphaned-containers.ts';
import { KAFKA_IMAGE, POSTGRES_IMAGE, prepareKafkaContainer, preparePostgresContainer } from './containers/supervised-containers.ts';
import { containersChosen } from './containers/use-containers.ts';
import { prepareBroker } from './kafka/kafka-broker.ts';
import { provideKafkaJars } from './kafka/kafka-jars.ts';
import { kafkaAnswers } from './kafka/probe-kafka.ts';
import { isSecured, kafkaLetsIn, kafkaSecurityIn } from './kafka/probe-secured-kafka.ts';
import { LOOPBACK } from './ports.ts';
import { providePostgresHome } from './postgres/postgres-home.ts';
import { databaseAnswers, preparePostgres } from './postgres/postgres-server.ts';
import { requireJava } from './preflight.ts';
import type { ProcessSpec } from './processes/keep-running.ts';

/** What a rung may use. */
export interface Environment {
  checkout: string;
  /** Logs, data, password: everything that lasts. */
  dataDir: string;
  /** Kafka's jars; shared by all data folders of the checkout. */
  jarsDir: string;
  /** False: a container's data goes with it; the caller deletes `dataDir` at the end. */
  lasting: boolean;
  settings: { KAFKA_BROKERS: string; DATABASE_URL: string; BACKING_SERVICES: 'auto' | 'containers' | 'local' };
  /** Free ports; chosen for what is started here. */
  ports: { broker: number; controller: number; postgres: number };
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  say: (sentence: string) => void;
}

export interface Dependency {
  /** host:port list of the broker, URL of the database. */
  address: string;
  /** For people; no password in it. */
  description: string;
  /** To be started and kept running; null when it runs already. */
  process: ProcessSpec | null;
}

/** Null: this rung does not apply, try the next. Throws LOCAL_STACK when it applies and cannot be used. */
type Rung = (environment: Environment) => Promise<Dependency | null>;

// One that is starting at the same moment, in a container beside this, is given time to answer.
const EXTERNAL_LIMIT_MS = 10_000;
const EXTERNAL_POLL_MS = 200;

export const provideKafka = (environment: Environment): Promise<Dependency> =>
  firstOf([kafkaOfEnvironment, kafkaFromContainer, kafkaFromJars], environment);

export const provideDatabase = (environment: Environment): Promise<Dependency> =>
  firstOf([databaseOfEnvironment, databaseFromContainer, databaseFromPackage], environment);

const firstOf = async (rungs: readonly Rung[], environment: Environment): Promise<Dependency> => {
  for (const rung of rungs) {
    const dependency = await rung(environment);
    if (dependency) return dependency;
  }
  throw new Error('the last rung of a ladder must apply always');
};

const kafkaOfEnvironment: Rung = async ({ settings: { KAFKA_BROKERS: brokers }, env, signal }) => {
  const security = kafkaSecurityIn(env);
  if (brokers === '') {
    if (!isSecured(security)) return null;
    throw new AppError('CONFIG_INVALID', 'KAFKA_TLS and KAFKA_SASL_MECHANISM belong to a broker that runs already: set KAFKA_BROKERS too.');
  }
  const answer = async () => (await Promise.all(brokers.split(',').map(answersAt))).includes(true);
  const answers = isSecured(security) ? () => kafkaLetsIn(brokers, security) : answer;
  await requireAnswer(answers, `KAFKA_BROKERS is ${brokers}, and no broker answers there`, signal);
  return { address: brokers, description: `Kafka at ${brokers} (KAFKA_BROKERS)`, process: null };
};

const kafkaFromContainer: Rung = async (environment) => {
  const dir = containerDir(environment.dataDir, 'kafka');
  const localData = join(environment.dataDir, 'kafka', 'data');
  if (!(await chosen(environment, { what: 'broker', image: KAFKA_IMAGE, dir, localData }))) return null;
  const process = await prepareKafkaContainer({ ...environment, dir, port: environment.ports.broker });
  const address = `${LOOPBACK}:${environment.ports.broker}`;
  return { address, description: `Kafka at ${address} (container of ${KAFKA_IMAGE})`, process };
};

const kafkaFromJars: Rung = async (environment) => {
  const { dataDir, env, ports, signal } = environment;
  const java = await requireJava(env);
  const kafkaFolder = join(environment.checkout, 'ops', 'kafka');
  const jars = await provideKafkaJars({ ...environment, pom: join(kafkaFolder, 'pom.xml'), cacheDir: environment.jarsDir });
  const process = await prepareBroker({
    dir: join(dataDir, 'kafka'),
    java,
    jars,
    loggingConfig: join(kafkaFolder, 'log4j2.xml'),
    port: ports.broker,
    controllerPort: ports.controller,
    env,
    signal,
  });
  const address = `${LOOPBACK}:${ports.broker}`;
  return { address, description: `Kafka at ${address} (local broker)`, process };
};

const databaseOfEnvironment: Rung = async ({ settings: { DATABASE_URL: url }, signal }) => {
  if (url === '') return null;
  if (!URL.canParse(url)) throw new AppError('LOCAL_STACK', 'DATABASE_URL is not a URL: postgres://USER:PASSWORD@HOST:PORT/DATABASE.');
  const shown = withoutPassword(url);
  await requireAnswer(() => databaseAnswers(url), `DATABASE_URL is ${shown}, and no database lets us in there`, signal);
  return { address: url, description: `PostgreSQL at ${shown} (DATABASE_URL)`, process: null };
};

const databaseFromContainer: Rung = async (environment) => {
  const dir = containerDir(environment.dataDir, 'postgres');
  const localData = join(environment.dataDir, 'postgres', 'password');
  if (!(await chosen(environment, { what: 'database', image: POSTGRES_IMAGE, dir, localData }))) return null;
  const { spec, url } = await preparePostgresContainer({ ...environment, dir, port: environment.ports.postgres });
  return { address: url, description: `PostgreSQL at ${withoutPassword(url)} (container of ${POSTGRES_IMAGE})`, process: spec };
};

const databaseFromPackage: Rung = async ({ checkout, dataDir, ports, signal, say }) => {
  const dir = join(dataDir, 'postgres');
  const home = await providePostgresHome({ dir, checkout, say });
  const { spec, url } = await preparePostgres({ dir, home, port: ports.postgres, signal });
  return { address: url, description: `PostgreSQL at ${withoutPassword(url)} (local server)`, process: spec };
};

const chosen = (environment: Environment, container: { what: string; image: string; dir: string; localData: string }): Promise<boolean> =>
  containersChosen({
    ...environment,
    ...container,
    wish: environment.settings.BACKING_SERVICES,
    problem: () => whyNoContainer({ ...environment, image: container.image, reaped: !environment.lasting }),
  });

const answersAt = (broker: string): Promise<boolean> => {
  const [, host, port] = /^(.*):(\d+)$/.exec(broker.trim()) ?? [];
  return host === undefined ? Promise.resolve(false) : kafkaAnswers(host, Number(port));
};

const requireAnswer = async (answers: () => Promise<boolean>, problem: string, signal: AbortSignal): Promise<void> => {
  const deadline = Date.now() + EXTERNAL_LIMIT_MS;
  while (!(await answers())) {
    if (Date.now() >= deadline) throw new AppError('LOCAL_STACK', `${problem}: correct it, or unset it to have one started.`);
    await delay(EXTERNAL_POLL_MS, undefined, { signal });
  }
};

const withoutPassword = (url: string): string => {
  const shown = new URL(url);
  shown.password = '';
  return shown.href;
};
