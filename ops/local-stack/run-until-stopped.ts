// ops/local-stack/run-until-stopped.ts: a stack as a command: its lines on the terminal, its end on a signal, its exit code.

import { AppError } from '../../shared/runtime/app-error.ts';
import { createStack, type StackOptions } from './stack.ts';
import { createRoleLines } from './start-lines.ts';

const EXAMPLE_ORDER = '{"user_id":101,"item_ids":"5,6,7","total_amount":299.99}';
// The longest name, so that the lines align.
const NAME_WIDTH = 'projector'.length;
const PARENT_POLL_MS = 250;

const print = (name: string, line: string): void => console.log(`${name.padEnd(NAME_WIDTH)} | ${line}`);
const say = (sentence: string, part = 'stack'): void => print(part, sentence);

/** An operating error is one sentence; anything else is a fault of ours and shows where it happened. */
export const explain = (error: unknown): void => console.error(error instanceof AppError ? error.message : error);

/** Starts the stack and ends the process when it is told to stop (exit code 0), cannot start, or a role refuses its configuration (1). */
export const runUntilStopped = async (options: Omit<StackOptions, 'say' | 'onLine' | 'onRefused'>): Promise<void> => {
  let stopping = false;
  const lines = createRoleLines(print, { everything: options.env.LOG_LEVEL === 'debug' });
  const stack = createStack({
    ...options,
    say,
    onLine: lines.onLine,
    onRefused: (sentence) => stop(1, sentence),
  });
  const stop = (code: number, reason: string | null = null): void => {
    if (stopping) return; // npm and the terminal may each send a signal
    stopping = true;
    if (code === 0) say('stopping …');
    void stack.stop().then(() => {
      if (code === 0) say('stopped');
      if (reason !== null) console.error(reason); // last, so that it is what is read
      process.exit(code);
    });
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop(0));
  process.stdout.on('error', () => stop(0)); // the terminal is gone
  if (options.env.npm_lifecycle_event !== undefined) onParentGone(() => stop(0));
  process.on('uncaughtException', (error) => {
    explain(error);
    stop(1);
  });

  try {
    const api = await stack.start();
    lines.up();
    if (options.withoutRoles) return say('broker and database are up, no role runs; `npm run orders` reaches them. Ctrl-C stops both.');
    say('ready; Ctrl-C stops everything. Try:');
    console.log(`curl -s -X POST ${api}/orders -H 'content-type: application/json' -d '${EXAMPLE_ORDER}'`);
  } catch (error) {
    if (stopping) return;
    explain(error);
    stop(1);
  }
};

/** npm puts a shell in between that passes no signal on: ended by SIGTERM, both are gone and we would never hear of it. */
const onParentGone = (stop: () => void): void => {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) stop();
  }, PARENT_POLL_MS).unref();
};
