// shared/runtime/shutdown.ts: how a process ends. Resources are released in the reverse order of their start, within a
// limit; a fatal error ends the process at once, because the supervisor's fresh start is the recovery.

import type { Static, TObject } from 'typebox';
import { AppError, isRefusedConfiguration } from './app-error.ts';
import { parseConfig } from './config.ts';
import { createLogger, type Logger } from './logger.ts';
import { reasonOf } from './outage.ts';
import { within } from './within.ts';

export type Release = () => Promise<unknown> | unknown;

export interface Releasers {
  /** Registers what to do at the end; the last registered runs first. Past its limit it is left behind: the exit cuts what it holds. */
  onStop: (name: string, release: Release, limitMs?: number) => void;
  stop: (signal: string) => Promise<void>;
  /** From the signal on: the process is not ready any more, whatever it still finishes. */
  isStopping: () => boolean;
  /**
   * Logs and exits: with code 78 (EX_CONFIG) and without a stack for a refused configuration, which another start would find as it is,
   * else with code 1. Never returns control to a half-broken process.
   */
  fatal: (error: unknown) => void;
}

// SIGTERM must drain within 5 s (design section 7 and most orchestrators' patience); half a second is kept for the exit.
const STOP_LIMIT_MS = 4500;
// Most parts are done in milliseconds; a connection pool waits for a database that may never answer.
const PART_LIMIT_MS = 250;

/** EX_CONFIG of sysexits.h. A supervisor need not start the role again before its configuration is changed. */
export const REFUSED_EXIT_CODE = 78;

/** Parses a role's variables. Ends the process with one line and code 78 when they are refused. */
export const configOf = <T extends TObject>(role: string, schema: T, source: NodeJS.ProcessEnv): Readonly<Static<T>> => {
  try {
    return parseConfig(schema, source);
  } catch (error) {
    return endFor(error, createLogger(role, 'info'));
  }
};

const endFor = (error: unknown, logger: Logger): never => {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof AppError && isRefusedConfiguration(error.code)) {
    // Said at every LOG_LEVEL: a process that ends without a word helps no operator.
    logger.child({}, { level: 'fatal' }).fatal({ code: error.code }, message);
    process.exit(REFUSED_EXIT_CODE);
  }
  // What is expected to happen needs no stack: a broker or database that is away, a port that is taken.
  if (error instanceof AppError) logger.fatal({ code: error.code, reason: reasonOf(error) }, message);
  else if (isUndefinedTable(error))
    logger.fatal(`${message}: its tables are gone, and are made again at the next start (docs/recovery.md).`);
  else if (isNetworkError(error)) logger.fatal({ reason: reasonOf(error) }, networkSentence(error));
  else logger.fatal({ err: error }, message);
  process.exit(1);
};

const UNDEFINED_TABLE = '42P01'; // PostgreSQL's
const isUndefinedTable = (error: unknown): boolean => (error as { code?: unknown } | null)?.code === UNDEFINED_TABLE;

type NetworkError = Error & { code: string; address?: string; port?: number };
const isNetworkError = (error: unknown): error is NetworkError =>
  error instanceof Error && 'syscall' in error && 'code' in error && /^E[A-Z]+$/.test(String(error.code));

const networkSentence = ({ code, message, address, port }: NetworkError): string =>
  code === 'EADDRINUSE' ? `Port ${port} of ${address} is in use: stop the program that has it, or give this role another port.` : message;

export const createReleasers = (logger: Logger): Releasers => {
  const stack: { name: string; release: Release; limitMs: number }[] = [];
  let stopping: Promise<void> | null = null;

  const releaseAll = async (): Promise<void> => {
    for (const { name, release, limitMs } of stack.reverse()) {
      try {
        const stopped = await within(limitMs, Promise.resolve(release()));
        if (!stopped) logger.warn({ part: name, limitMs }, 'a part did not stop in time');
      } catch (error) {
        logger.warn({ err: error, part: name }, 'a part did not stop cleanly');
      }
    }
  };
  const fatal = (error: unknown): void => endFor(error, logger);
  const stop = (signal: string): Promise<void> => {
    stopping ??= (async () => {
      logger.info({ signal }, 'stopping');
      const limit = setTimeout(() => fatal(new Error(`did not stop within ${STOP_LIMIT_MS} ms`)), STOP_LIMIT_MS);
      await releaseAll();
      clearTimeout(limit);
      logger.info('stopped');
    })();
    return stopping;
  };
  return {
    onStop: (name, release, limitMs = PART_LIMIT_MS) => stack.push({ name, release, limitMs }),
    stop,
    isStopping: () => stopping !== null,
    fatal,
  };
};

/** Runs a role: SIGTERM and SIGINT stop it in order, a refused configuration ends it with code 78, whatever else goes wrong with code 1. */
export const runRole = async (logger: Logger, start: (releasers: Releasers) => Promise<void>): Promise<void> => {
  const releasers = createReleasers(logger);
  const onSignal = (signal: string) => void releasers.stop(signal).then(() => process.exit(0));
  process.once('SIGTERM', onSignal);
  process.once('SIGINT', onSignal);
  process.on('uncaughtException', releasers.fatal);
  process.on('unhandledRejection', releasers.fatal);
  try {
    await start(releasers);
  } catch (error) {
    releasers.fatal(error);
  }
};
