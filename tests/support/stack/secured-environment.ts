// tests/support/stack/secured-environment.ts: a broker and a database as a careful operator runs them.
// Kafka with SASL over TLS, and with certificates on both sides, PostgreSQL with TLS only. The certificates name `localhost` and nothing
// else.

import { appendFile, chown, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { prepareBroker } from '../../../ops/local-stack/kafka/kafka-broker.ts';
import { provideKafkaJars } from '../../../ops/local-stack/kafka/kafka-jars.ts';
import { choosePorts } from '../../../ops/local-stack/ports.ts';
import { providePostgresHome } from '../../../ops/local-stack/postgres/postgres-home.ts';
import { databaseAnswers, preparePostgres } from '../../../ops/local-stack/postgres/postgres-server.ts';
import { requireJava } from '../../../ops/local-stack/preflight.ts';
import { type KeptProcess, keepRunning, type ProcessSpec } from '../../../ops/local-stack/processes/keep-running.ts';
import { runTool } from '../../../ops/local-stack/processes/run-tool.ts';
import { stopInOrder } from '../../../ops/local-stack/processes/stop-in-order.ts';
import { startWatchdog } from '../../../ops/local-stack/processes/watchdog.ts';
import { temporaryData } from '../../../ops/local-stack/temporary-data.ts';
import { type Authority, createAuthority } from '../builders/certificates.ts';

export interface SecuredEnvironment {
  /** host:port of its listeners: SASL over TLS, TLS that asks for a certificate, and neither. */
  kafka: { secured: string; mutual: string; plain: string };
  /** Without a query; with it (`?sslmode=…`) it can be connected to. */
  database: string;
  credentials: { username: string; password: string };
  /** PEM: of the authority that both certificates come from, of another one, and a client's certificate and key. */
  files: { ca: string; otherCa: string; clientCert: string; clientKey: string };
  stop: () => Promise<void>;
}

// Kafka cuts whoever has not proved again who they are by then. Clients begin 10 s before: 2 s after they have connected.
export const SESSION_MS = 12_000;

const CHECKOUT = resolve(import.meta.dirname, '..', '..', '..');
const READY_LIMIT_MS = 60_000;
const ANY_PORT = { variable: 'none', port: 0 };
const CREDENTIALS = { username: 'orders', password: 'correct-horse=battery+staple' };

export const startSecuredEnvironment = async (): Promise<SecuredEnvironment> => {
  const { path: dir, remove } = await temporaryData('secured');
  const watchdog = startWatchdog(dir);
  const kept: KeptProcess[] = [];
  const run = async (spec: ProcessSpec): Promise<void> => {
    const onChange = () => watchdog.guard(kept.flatMap(({ pid }) => pid() ?? []));
    const process = keepRunning(spec, { onChange, onLine: () => {}, say: () => {} });
    kept.push(process);
    process.start();
    await process.untilReady({ limitMs: READY_LIMIT_MS, orEnds: true });
  };
  const stop = async (): Promise<void> => {
    await stopInOrder([kept]);
    await remove();
    watchdog.release();
  };
  try {
    const authority = createAuthority('Authority of the tests');
    const client = authority.issue('a client');
    const save = async (name: string, content: string): Promise<string> => {
      const path = join(dir, name);
      await writeFile(path, content);
      return path;
    };
    const files = {
      ca: await save('ca.pem', authority.cert),
      otherCa: await save('other-ca.pem', createAuthority('Authority of the tests').cert),
      clientCert: await save('client.pem', client.cert),
      clientKey: await save('client-key.pem', client.key),
    };
    const [kafka, database] = await Promise.all([startKafka(dir, authority, run), startPostgres(dir, authority, run)]);
    return { kafka, database, credentials: CREDENTIALS, files, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};

type Run = (spec: ProcessSpec) => Promise<void>;

const startKafka = async (dir: string, authority: Authority, run: Run): Promise<SecuredEnvironment['kafka']> => {
  const ports = await choosePorts([ANY_PORT, ANY_PORT, ANY_PORT, ANY_PORT]);
  const [plain, controller, secured, mutual] = ports as [number, number, number, number];
  const { PATH, HOME, TMPDIR, JAVA_HOME } = process.env;
  const env = { PATH, HOME, TMPDIR, JAVA_HOME };
  const java = await requireJava(env);
  const { signal } = new AbortController();
  const pom = join(CHECKOUT, 'ops', 'kafka', 'pom.xml');
  const jars = await provideKafkaJars({ pom, cacheDir: join(CHECKOUT, '.data', 'kafka'), env, signal, say: () => {} });
  const home = join(dir, 'kafka');
  const loggingConfig = join(CHECKOUT, 'ops', 'kafka', 'log4j2.xml');
  const spec = await prepareBroker({ dir: home, java, jars, loggingConfig, port: plain, controllerPort: controller, env, signal });
  const { cert, key } = authority.issue('localhost');
  const keystore = join(home, 'broker.pem');
  await writeFile(keystore, `${key}${cert}`);
  // Of two lines for one setting the later one counts.
  await appendFile(
    join(home, 'server.properties'),
    properties({
      listeners: `BROKER://127.0.0.1:${plain},CONTROLLER://127.0.0.1:${controller},SECURED://127.0.0.1:${secured},MUTUAL://127.0.0.1:${mutual}`,
      'advertised.listeners': `BROKER://127.0.0.1:${plain},SECURED://localhost:${secured},MUTUAL://localhost:${mutual}`,
      'listener.security.protocol.map': 'BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL,MUTUAL:SSL',
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': keystore,
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': join(dir, 'ca.pem'),
      'listener.name.mutual.ssl.client.auth': 'required',
      'listener.name.secured.sasl.enabled.mechanisms': 'SCRAM-SHA-256,SCRAM-SHA-512,PLAIN',
      'listener.name.secured.scram-sha-256.sasl.jaas.config': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
      'listener.name.secured.scram-sha-512.sasl.jaas.config': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
      'listener.name.secured.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required user_${CREDENTIALS.username}="${CREDENTIALS.password}";`,
      'connections.max.reauth.ms': SESSION_MS,
    }),
  );
  await run(spec);
  const tool = ['-Xmx128m', '-XX:TieredStopAtLevel=1', '-cp', join(jars, '*'), 'kafka.admin.ConfigCommand'];
  const user = ['--bootstrap-server', `127.0.0.1:${plain}`, '--alter', '--entity-type', 'users', '--entity-name', CREDENTIALS.username];
  const made = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].map((mechanism) =>
    runTool(java, [...tool, ...user, '--add-config', `${mechanism}=[iterations=4096,password=${CREDENTIALS.password}]`], { env, signal }),
  );
  for (const { code, output } of await Promise.all(made)) if (code !== 0) throw new Error(`the user could not be made: ${output}`);
  return { secured: `localhost:${secured}`, mutual: `localhost:${mutual}`, plain: `127.0.0.1:${plain}` };
};

const startPostgres = async (dir: string, authority: Authority, run: Run): Promise<string> => {
  const [port] = (await choosePorts([ANY_PORT])) as [number];
  const folder = join(dir, 'postgres');
  const home = await providePostgresHome({ dir: folder, checkout: CHECKOUT, say: () => {} });
  const { spec, url } = await preparePostgres({ dir: folder, home, port, signal: new AbortController().signal });
  const { cert, key } = authority.issue('localhost');
  const own = { cert: join(home.data, 'server.crt'), key: join(home.data, 'server.key'), access: join(home.data, 'tls-only.conf') };
  await writeFile(own.cert, cert);
  await writeFile(own.key, key, { mode: 0o600 });
  await writeFile(own.access, 'hostssl all all 127.0.0.1/32 scram-sha-256\nhostssl all all ::1/128 scram-sha-256\n');
  if (home.identity) for (const file of Object.values(own)) await chown(file, home.identity.uid, home.identity.gid);
  const settings = { ssl: 'on', ssl_cert_file: own.cert, ssl_key_file: own.key, hba_file: own.access };
  const args = [...spec.args, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const named = url.replace('@127.0.0.1:', '@localhost:');
  const isReady = () => databaseAnswers(`${named}?sslmode=verify-full&sslrootcert=${join(dir, 'ca.pem')}`);
  await run({ ...spec, args, isReady });
  return named;
};

const properties = (lines: Record<string, string | number>): string =>
  Object.entries(lines)
    .map(([name, value]) => `${name}=${String(value).replaceAll('\\', '\\\\')}\n`)
    .join('');
