// shared/log/topics/refuse-foreign-records.ts: refuses topics that hold records in more partitions than are configured. For tools.
// With another number than the roles have, a tool would take their events for misplaced ones, and a rebuild would leave orders out.

import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../runtime/app-error.ts';
import type { LogClient } from '../connect/client.ts';
import { partitionsDiffer } from './differences.ts';
import { observeEnds } from './observe-topics.ts';

const HINT = 'Run this with the ORDERS_PARTITIONS and PRODUCTS_PARTITIONS of the roles; if these are theirs, another program writes there.';

// A leader that moves, or is just elected, needs a second.
const PATIENCE_MS = 10_000;
const AGAIN_MS = 250;

/**
 * Rejects with TOPIC_MISCONFIGURED for the first of the client's topics that does, and with LOG_UNAVAILABLE. Fewer partitions than configured
 * are read as they are.
 */
export const refuseForeignRecords = async (client: LogClient): Promise<void> => {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await refuse(client);
    } catch (error) {
      if (error instanceof AppError) throw error;
      if (performance.now() > deadline) throw new AppError('LOG_UNAVAILABLE', 'The brokers did not say which partitions there are.', error);
      await delay(AGAIN_MS);
    }
  }
};

const refuse = (client: LogClient): Promise<void> =>
  client.withAdmin(async (admin) => {
    const existing = await admin.listTopics();
    for (const [name, count] of client.partitionCounts ?? []) {
      const ends = existing.includes(name) ? await observeEnds(admin, name) : new Map();
      const [difference] = ends.size > count ? partitionsDiffer({ name, ends }, count) : [];
      if (difference?.gravity === 'wrong') throw new AppError('TOPIC_MISCONFIGURED', `${difference.what}. ${HINT}`);
    }
  });
