// ops/drill/steps.ts: what an operator does, in the words of docs/recovery.md.

import { AppError } from '../../shared/runtime/app-error.ts';
import type { DrillStack } from './drill-stack.ts';

/** Runs a command that must succeed. */
export const orders = async (stack: DrillStack, ...args: string[]): Promise<void> => {
  const { code, said } = await stack.orders(args);
  if (code !== 0) throw new AppError('LOCAL_STACK', `npm run orders -- ${args.join(' ')} ended with ${code}: ${said}`);
};

export const rebuild = (stack: DrillStack): Promise<void> => orders(stack, 'rebuild');

/** Something happens to what is stored while nothing runs; then all of it is started again. */
export const whileStopped = async (stack: DrillStack, happens: () => unknown): Promise<void> => {
  await stack.stop();
  await happens();
  stack.begin();
};

/** Stops every role, repairs with the broker and the database alone, and starts all of it again. */
export const withoutRoles = async (stack: DrillStack, repair: () => Promise<void>): Promise<void> => {
  await stack.stop();
  stack.begin({ withoutRoles: true });
  await stack.ready();
  await repair();
  await stack.stop();
  stack.begin();
};

/** The log from the archive, then ledger and read model from the log. */
export const restoreLog = (stack: DrillStack): Promise<void> => restoreThen(stack, 'rebuild');

/** The same where the topic `products` is lost too: the ledger alone knows them, and is kept. */
export const restoreLogWithoutProducts = (stack: DrillStack): Promise<void> => restoreThen(stack, 'rebuild', '--accept-loss');

const restoreThen = (stack: DrillStack, ...command: string[]): Promise<void> =>
  withoutRoles(stack, async () => {
    await orders(stack, 'restore-log', '--dry-run');
    await orders(stack, 'restore-log');
    await orders(stack, ...command);
  });
