// tests/support/stack/service/orders-cli.ts: `npm run orders -- VERB` as a process of its own, against the test stack.

import { inject } from 'vitest';
import { type CliResult, runOrders } from './cli-process.ts';

/** `env`: the names of topics and schemas. Resolves however it ends. */
export const ordersCli = (args: readonly string[], env: Record<string, string>): Promise<CliResult> => {
  const { kafka, database } = inject('stack');
  return runOrders(args, { KAFKA_BROKERS: kafka, DATABASE_URL: database, ...env });
};
