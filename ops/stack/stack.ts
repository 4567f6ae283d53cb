// ops/stack/stack.ts: the whole service on one machine: broker, database and the three roles, each kept running, their
// addresses published in run.json, stopped together. It decides where things run, never what they do.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { startBackingServices } from './backing-services.ts';
import { removeLeftoverContainers } from './containers/leftover.ts';
import type { Ground } from './dependencies.ts';
import { type KeptProcess, keepRunning, type ProcessEvents } from './keep-running.ts';
import { choosePorts, LOOPBACK, type PortWish } from './ports.ts';
import { type Role, roleSpec } from './role.ts';
import type { StartSettings } from './settings.ts';
import { stopInOrder } from './stop-in-order.ts';
import { claimFolder, replaceFile, type SupervisorFile } from './supervisor-file.ts';
import { startWatchdog, type Watchdog } from './watchdog.ts';

export interface StackOptions {
  checkout: string;
  dataDir: string;
  settings: StartSettings;
  /** Handed on to the roles, with addresses and ports set. */
  env: NodeJS.ProcessEnv;
  /** Absolute paths of the roles' scripts. */
  scripts: Record<Role['name'], string>;
  say: (sentence: string) => void;
  onLine: (name: string, line: string) => void;
  /** A role ended because its configuration is refused; it is not started again. Call `stop`. */
  onRefused: (sentence: string) => void;
}

export interface Stack {
  /** Resolves with the api's URL once it is ready. Throws AppError with one sentence; call `stop` then too. */
  start: () => Promise<string>;
  /** Ends everything, also a start under way, within 5 s. */
  stop: () => Promise<void>;
}

// Rebuilding a long read model may take the api longer; it then says so on its own lines, and the wait goes on.
const ROLES_PATIENCE_MS = 600_000;

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
  const events: ProcessEvents = { onChange, onLine: options.onLine, say, onRefused };

  const bringUp = async (): Promise<string> => {
    claim = await claimFolder(dataDir, say);
    rmSync(runFile, { force: true }); // a killed run's
    await removeLeftoverContainers(dataDir, say);
    const ports = await chooseAllPorts(settings);
    watchdog = startWatchdog(runFile);
    say('starting broker and database …');
    const jarsDir = join(checkout, '.data', 'kafka');
    const ground: Ground = { ...options, jarsDir, lasting: true, ports, signal: interrupted.signal };
    const { kafka, database, descriptions } = await startBackingServices(ground, {
      ...events,
      onStarted: (process) => services.push(process),
    });
    for (const description of descriptions) say(description);

    const api = `http://${LOOPBACK}:${ports.api}`;
    const env = { ...options.env, ...rolesEnvironment(settings.AUTH, ports), KAFKA_BROKERS: kafka, DATABASE_URL: database };
    for (const name of ['api', 'processor', 'projector'] as const) {
      roles.push(keepRunning(roleSpec({ name, script: options.scripts[name], port: ports[name] }, { env, cwd: checkout }), events));
    }
    publish = () => publishRun(runFile, { api, kafka, database }, [...services, ...roles]);
    for (const role of roles) role.start();
    say(`api at ${api}, processor on port ${ports.processor}, projector on port ${ports.projector}; waiting until the api is ready …`);
    await roles[0]!.untilReady({ limitMs: ROLES_PATIENCE_MS, orEnds: false });
    interrupted.signal.throwIfAborted();
    return api;
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
