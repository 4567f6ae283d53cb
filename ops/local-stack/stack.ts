// ops/local-stack/stack.ts: the whole service on one machine.
// Broker, database and the three roles, each kept running, their addresses published in run.json, stopped together. It decides where things
// run, never what they do.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../shared/runtime/app-error.ts';
import { startBackingServices } from './backing-services.ts';
import { removeLeftoverContainers } from './containers/orphaned-containers.ts';
import type { Environment } from './dependencies.ts';
import { choosePorts, LOOPBACK, type PortWish } from './ports.ts';
import { type KeptProcess, keepRunning, type ProcessEvents } from './processes/keep-running.ts';
import { stopInOrder } from './processes/stop-in-order.ts';
import { claimFolder, replaceFile, type SupervisorFile } from './processes/supervisor-file.ts';
import { startWatchdog, type Watchdog } from './processes/watchdog.ts';
import { type Role, roleSpec } from './role.ts';
import type { StartSettings } from './settings.ts';
import { sayWaits, WAITS_FOR } from './start-lines.ts';

export interface StackOptions {
  checkout: string;
  dataDir: string;
  settings: StartSettings;
  /** Handed on to the roles, with addresses and ports set. */
  env: NodeJS.ProcessEnv;
  /** Absolute paths of the roles' scripts. */
  scripts: Record<Role['name'], string>;
  /** Only the broker and the database: for repairs during which no role may run. */
  withoutRoles?: boolean;
  /** A sentence for the person who waits, about a part or about all of it. */
  say: (sentence: string, part?: string) => void;
  onLine: (name: string, line: string) => void;
  /** A role ended because its configuration is refused; it is not started again. Call `stop`. */
  onRefused: (sentence: string) => void;
}

export interface Stack {
  /** Resolves with the api's URL once everything is ready, or the api is and the others still wait for something. Throws AppError with one sentence; call `stop` then too. */
  start: () => Promise<string>;
  /** Ends everything, also a start under way, within 5 s. */
  stop: () => Promise<void>;
}

// Rebuilding a long read model may take the api longer; it then says so on its own lines, and the wait goes on.
const API_PATIENCE_MS = 600_000;
// A projector that reads a long log first must not keep the api from those who can use it already: after this it is ready without them.
const OTHERS_PATIENCE_MS = 60_000;

export const createStack = (options: StackOptions): Stack => {
  const { checkout, dataDir, settings, say } = options;
  const runFile = join(dataDir, 'run.json');
  const interrupted = new AbortController();
  const services: KeptProcess[] = [];
  const roles: KeptProcess[] = [];
  let claim: SupervisorFile | null = null;
  let watchdog: Watchdog | null = null;
  let publish: (() => void) | null = null;

  const onChange = () => {
    const running = [...services, ...roles].flatMap(({ spec, pid }) =>
      pid() === null ? [] : [{ name: spec.name, pid: pid()!, marker: spec.marker }],
    );
    watchdog?.guard(running.map(({ pid }) => pid));
    claim?.record(running);
    publish?.();
  };
  const onRefused = (name: string, sentence: string) => options.onRefused(`${name}: ${sentence}`);
  const lastLines = new Map<string, string>();
  const onLine = (name: string, line: string) => {
    lastLines.set(name, line);
    options.onLine(name, line);
  };
  const events: ProcessEvents = { onChange, onLine, say, onRefused };

  const bringUp = async (): Promise<string> => {
    claim = await claimFolder(dataDir, say);
    rmSync(runFile, { force: true }); // a killed run's
    await removeLeftoverContainers(dataDir, say);
    const ports = await chooseAllPorts(settings);
    watchdog = startWatchdog(runFile);
    say('starting broker and database …');
    const jarsDir = join(checkout, '.data', 'kafka');
    const environment: Environment = { ...options, jarsDir, lasting: true, ports, signal: interrupted.signal };
    const { kafka, database, descriptions } = await startBackingServices(environment, {
      ...events,
      onStarted: (process) => services.push(process),
    });
    for (const [part, description] of Object.entries(descriptions)) say(description, part);

    const api = `http://${LOOPBACK}:${ports.api}`;
    const env = { ...options.env, ...rolesEnvironment(settings.AUTH, ports), KAFKA_BROKERS: kafka, DATABASE_URL: database };
    for (const name of options.withoutRoles ? [] : (['api', 'processor', 'projector'] as const)) {
      roles.push(keepRunning(roleSpec({ name, script: options.scripts[name], port: ports[name] }, { env, cwd: checkout }), events));
      say(`${name === 'api' ? `at ${api}` : `on port ${ports[name]}`}; ${WAITS_FOR[name]}`, name);
    }
    publish = () => publishRun(runFile, { api, kafka, database }, [...services, ...roles]);
    for (const role of roles) role.start();
    publish();
    await untilReady();
    interrupted.signal.throwIfAborted();
    return api;
  };

  const untilReady = async (): Promise<void> => {
    const ready = new AbortController();
    const parts = roles.map(({ spec: { name, port } }) => ({
      name,
      url: `http://${LOOPBACK}:${port}`,
      lastLine: () => lastLines.get(name) ?? null,
    }));
    sayWaits(parts, say, AbortSignal.any([ready.signal, interrupted.signal]));
    const [api, ...others] = roles;
    const goOnWithout = (error: unknown) => {
      if (!(error instanceof AppError && error.code === 'LOCAL_STACK')) throw error;
    };
    try {
      await Promise.all([
        api?.untilReady({ limitMs: API_PATIENCE_MS, orEnds: false }),
        ...others.map((role) => role.untilReady({ limitMs: OTHERS_PATIENCE_MS, orEnds: false }).catch(goOnWithout)),
      ]);
    } finally {
      ready.abort();
    }
  };

  let starting: Promise<string> | null = null;
  const start = (): Promise<string> => {
    starting ??= bringUp();
    return starting;
  };

  let stopping: Promise<void> | null = null;
  const stop = (): Promise<void> => {
    stopping ??= (async () => {
      interrupted.abort();
      publish = null;
      // A start under way ends too, and with it the programs that it runs: nothing writes any more when this resolves.
      await Promise.all([stopInOrder([roles, services]), starting?.catch(() => {})]);
      watchdog?.release();
      if (!claim) return; // the folder is another's
      rmSync(runFile, { force: true });
      claim.release();
    })();
    return stopping;
  };
  return { start, stop };
};

type Ports = Record<'api' | 'processor' | 'projector' | 'broker' | 'controller' | 'postgres', number>;

const chooseAllPorts = async (settings: StartSettings): Promise<Ports> => {
  const wishes: Partial<Record<keyof Ports, PortWish>> = {
    api: { variable: 'PORT', port: settings.PORT },
    processor: { variable: 'PROCESSOR_PORT', port: settings.PROCESSOR_PORT },
    projector: { variable: 'PROJECTOR_PORT', port: settings.PROJECTOR_PORT },
  };
  if (settings.KAFKA_BROKERS === '') {
    wishes.broker = { variable: 'KAFKA_PORT', port: settings.KAFKA_PORT };
    wishes.controller = { variable: 'KAFKA_CONTROLLER_PORT', port: settings.KAFKA_CONTROLLER_PORT };
  }
  if (settings.DATABASE_URL === '') wishes.postgres = { variable: 'POSTGRES_PORT', port: settings.POSTGRES_PORT };
  const chosen = await choosePorts(Object.values(wishes));
  const named = Object.fromEntries(Object.keys(wishes).map((name, index) => [name, chosen[index]!]));
  return { broker: 0, controller: 0, postgres: 0, ...named } as Ports;
};

const rolesEnvironment = (auth: StartSettings['AUTH'], ports: Ports): NodeJS.ProcessEnv => ({
  HOST: LOOPBACK,
  AUTH: auth,
  PORT: String(ports.api),
  PROCESSOR_PORT: String(ports.processor),
  PROJECTOR_PORT: String(ports.projector),
});

/** Complete or not at all: it appears when every process has been started once. One that is down keeps the id that it had. */
const publishRun = (path: string, addresses: { api: string; kafka: string; database: string }, processes: readonly KeptProcess[]): void => {
  if (processes.some(({ lastPid }) => lastPid() === null)) return;
  const entries = processes.map(({ spec, lastPid }) => [spec.name, { pid: lastPid(), port: spec.port }]);
  replaceFile(path, { ...addresses, processes: Object.fromEntries(entries) });
};
