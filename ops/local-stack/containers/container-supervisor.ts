// ops/local-stack/containers/container-supervisor.ts: a container as a process.
// It ends when the container ends, and the container ends when it is told to stop. So supervisor, watchdog and run.json treat containers
// like everything else that they keep running.

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type GenericContainer, getContainerRuntimeClient, type StartedTestContainer, type WaitStrategy } from 'testcontainers';
import { AppError } from '../../../shared/runtime/app-error.ts';
import { removeContainer, STARTED_FILE } from './orphaned-containers.ts';

export interface ContainerSupervisorOptions {
  /** One container has it at a time. */
  name: string;
  /** Remembers that there is a container. */
  dir: string;
  build: () => GenericContainer;
  /** Removed by testcontainers' Ryuk when this process was killed and no successor comes. */
  reaped: boolean;
}

export interface ContainerSupervisor {
  /** Resolves when it runs; whether it is ready is the supervisor's question. What a killed container supervisor left is removed first. */
  start: () => Promise<void>;
  /** Resolves with the exit code when the container has ended by itself, once it was started. */
  ended: Promise<number>;
  /** Ends it in order, and removes it with its unnamed volumes. */
  stop: () => Promise<void>;
}

// The engine kills it then, even if no process is left to ask: within the supervisor's 4.5 s (stop-in-order.ts).
const STOP_LIMIT_MS = 4_000;

const AT_ONCE: WaitStrategy = {
  waitUntilReady: async () => {},
  withStartupTimeout: () => AT_ONCE,
  isStartupTimeoutSet: () => true,
  getStartupTimeout: () => 0,
};

export const createContainerSupervisor = ({ name, dir, build, reaped }: ContainerSupervisorOptions): ContainerSupervisor => {
  const { promise: ended, resolve: onEnd } = Promise.withResolvers<number>();
  const started = join(dir, STARTED_FILE);
  let starting: Promise<StartedTestContainer> | null = null;
  let stopping = false;

  const bringUp = async (): Promise<StartedTestContainer> => {
    const { container: engine } = await getContainerRuntimeClient();
    await removeContainer(engine.dockerode, name);
    if (stopping) throw new AppError('LOCAL_STACK', `${name} was stopped before it was started.`);
    writeFileSync(started, name);
    const container = await build()
      .withName(name)
      .withAutoCleanup(reaped)
      .withWaitStrategy(AT_ONCE)
      .withLogConsumer((lines) => lines.pipe(process.stdout, { end: false }))
      .start();
    void engine
      .getById(container.getId())
      .wait()
      .then(({ StatusCode }: { StatusCode: number }) => onEnd(StatusCode));
    return container;
  };
  const start = async (): Promise<void> => {
    starting = bringUp();
    await starting;
  };
  const stop = async (): Promise<void> => {
    stopping = true;
    const container = await starting?.catch(() => null);
    if (container) await container.stop({ timeout: STOP_LIMIT_MS, remove: true, removeVolumes: true });
    rmSync(started, { force: true });
  };
  return { start, ended, stop };
};
