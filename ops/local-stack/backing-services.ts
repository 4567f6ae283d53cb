// ops/local-stack/backing-services.ts: the broker and the database, up and kept up. `npm start` and the tests both stand on this.

import { type Dependency, type Environment, provideDatabase, provideKafka } from './dependencies.ts';
import { type KeptProcess, keepRunning, type ProcessEvents } from './processes/keep-running.ts';

export interface BackingServices {
  /** Bootstrap list. */
  kafka: string;
  /** URL with the password. */
  database: string;
  /** For people, by the name of the part. */
  descriptions: { broker: string; postgres: string };
  /** Those that were started here. */
  processes: KeptProcess[];
}

// A broker that recovers a long log after a power cut needs a while; without one it takes 3 s.
const READY_LIMIT_MS = 120_000;

/**
 * Resolves when both answer. `onStarted` is told of each process as soon as it is kept, so that a caller whose start is
 * interrupted can stop it. Throws LOCAL_STACK with one sentence for people.
 */
export const startBackingServices = async (
  environment: Environment,
  events: ProcessEvents & { onStarted: (process: KeptProcess) => void },
): Promise<BackingServices> => {
  const failed = new AbortController();
  const signal = AbortSignal.any([environment.signal, failed.signal]);
  const bringUp = async (provide: (environment: Environment) => Promise<Dependency>) => {
    const { process: spec, ...rest } = await provide({ ...environment, signal });
    if (!spec) return { ...rest, kept: [] };
    signal.throwIfAborted();
    const process = keepRunning(spec, events);
    events.onStarted(process);
    process.start();
    await process.untilReady({ limitMs: READY_LIMIT_MS, orEnds: true, signal });
    signal.throwIfAborted(); // it may have been stopped instead
    return { ...rest, kept: [process] };
  };
  const pending = [bringUp(provideKafka), bringUp(provideDatabase)] as const;
  // The first failure ends the other's start, and is what is reported; nothing runs on behind the caller's back.
  await Promise.all(pending).catch(async (error) => {
    failed.abort(error);
    await Promise.allSettled(pending);
    throw error;
  });
  const [kafka, database] = await Promise.all(pending);
  return {
    kafka: kafka.address,
    database: database.address,
    descriptions: { broker: kafka.description, postgres: database.description },
    processes: [...kafka.kept, ...database.kept],
  };
};
