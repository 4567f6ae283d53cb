// tests/chaos/stock.ts: whether processors go on deciding about stock, as the ledger's tables say.

import { openDatabase } from '../../shared/postgres/database.ts';
import { eventually } from '../support/eventually.ts';
import type { World } from './world.ts';

// Seconds on a quiet machine; beside another fault as long as that one lasts.
const GOES_ON_LIMIT_MS = 60_000;

/** Resolves when more has been sold than was sold or reserved at the beginning: then units have been reserved since. */
export const untilStockIsDecided = async ({ fleet }: Pick<World, 'fleet'>): Promise<void> => {
  const { database: url, ledgerSchema } = fleet.where;
  const units = async (): Promise<{ sold: number; reserved: number }> => {
    const database = openDatabase({ url, schema: ledgerSchema, applicationName: 'tests', maxConnections: 1 });
    try {
      const { rows } = await database.query<{ sold: number; reserved: number }>(
        'SELECT coalesce(sum(sold), 0)::int AS sold, coalesce(sum(reserved), 0)::int AS reserved FROM products',
      );
      return rows[0]!;
    } finally {
      await database.end();
    }
  };
  // The database may be down for a moment because of another fault.
  const before = await eventually(units, { what: 'the ledger to say its stock', timeoutMs: GOES_ON_LIMIT_MS });
  await eventually(async () => (await units()).sold > before.sold + before.reserved, {
    what: 'stock to be decided again',
    timeoutMs: GOES_ON_LIMIT_MS,
  });
};
