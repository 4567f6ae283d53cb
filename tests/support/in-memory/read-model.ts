// tests/support/in-memory/read-model.ts: a read model in memory that projects a MemoryLog when told to, and only as far as
// told, so that a test decides how far the projector is behind.

import type { ReadModel } from '../../../api/read-model.ts';
import type { LoggedEvent } from '../../../api/tail-memory.ts';
import { decodeOrderEvent } from '../../../shared/log/order-codec.ts';
import { isTerminal, ORDER_STATUSES } from '../../../shared/order/lifecycle.ts';
import { evolve } from '../../../shared/order/order.ts';
import type { StoredOrder } from '../../../shared/postgres/order-rows.ts';
import { AppError } from '../../../shared/runtime/app-error.ts';
import type { MemoryLog } from './log.ts';

export interface MemoryReadModel extends ReadModel {
  /** Projects everything that is in the log now. */
  catchUp: () => void;
  /** Back to an empty database, as if it had been restored from before everything. */
  wipe: () => void;
  /** While true every question is answered with DATABASE_UNAVAILABLE. */
  broken: boolean;
  /** How often the tail has asked for the checkpoints. */
  checkpointsAsked: number;
  /** How many ids were looked up as possible late twins. */
  twinsLookedUp: number;
}

export const createMemoryReadModel = (log: MemoryLog): MemoryReadModel => {
  let rows = new Map<string, StoredOrder>();
  let archive = new Map<string, LoggedEvent[]>();
  let checkpoints = new Map<number, number>();

  const ask = async <T>(answer: () => T): Promise<T> => {
    await new Promise(setImmediate);
    if (model.broken) throw new AppError('DATABASE_UNAVAILABLE', 'told to be');
    return answer();
  };
  const projectOne = (partition: number, offset: number): void => {
    const decoded = decodeOrderEvent(log.records[partition]![offset]!);
    if (!decoded.ok) return;
    const { event } = decoded;
    const row = rows.get(event.orderId);
    const { order, effect } = evolve(row?.order ?? null, event);
    if (order !== null && order !== row?.order) {
      rows.set(event.orderId, { order, partition, createdOffset: row?.createdOffset ?? offset, lastOffset: offset });
    }
    archive.set(event.orderId, [...(archive.get(event.orderId) ?? []), { event, effect, partition, offset }]);
  };

  const model: MemoryReadModel = {
    catchUp: () => {
      for (const [partition, records] of log.records.entries()) {
        for (let offset = checkpoints.get(partition) ?? 0; offset < records.length; offset += 1) projectOne(partition, offset);
        checkpoints.set(partition, records.length);
      }
    },
    wipe: () => {
      rows = new Map();
      archive = new Map();
      checkpoints = new Map();
    },
    broken: false,
    checkpointsAsked: 0,
    twinsLookedUp: 0,
    snapshot: () =>
      ask(() => ({
        checkpoints: new Map(checkpoints),
        open: [...rows.values()].filter(({ order }) => !isTerminal(order.status)).map((row) => ({ ...row })),
        newestCreatedAt: rows.size === 0 ? null : Math.max(...[...rows.values()].map(({ order }) => order.createdAt)),
      })),
    checkpoints: () => {
      model.checkpointsAsked += 1;
      return ask(() => new Map(checkpoints));
    },
    lookUp: (wanted) =>
      ask(() =>
        wanted.map(({ orderId, partition }) => ({ checkpoint: checkpoints.get(partition) ?? 0, stored: rows.get(orderId) ?? null })),
      ),
    firstLives: (partition, orderIds) =>
      ask(() => {
        model.twinsLookedUp += orderIds.length;
        const found = orderIds.flatMap((id) => (rows.has(id) ? [[id, rows.get(id)!.createdOffset] as const] : []));
        return { checkpoint: checkpoints.get(partition) ?? 0, createdAt: new Map(found) };
      }),
    events: ({ orderId }, from, limit) => ask(() => (archive.get(orderId) ?? []).filter(({ offset }) => offset >= from).slice(0, limit)),
    archiveStart: () => ask(() => 0),
    page: ({ limit }) => ask(() => [...rows.values()].slice(0, limit)),
    counters: () =>
      ask(() => {
        const count = (status: string) => [...rows.values()].filter(({ order }) => order.status === status).length;
        const statuses = Object.fromEntries(ORDER_STATUSES.map((status) => [status, count(status)])) as Record<
          (typeof ORDER_STATUSES)[number],
          number
        >;
        const sums = { parked: 0, revenue_minor: 0, processing_ms: 0, total_ms: 0, completed_processing: 0 };
        return { ...statuses, ...sums, histogram: [], as_of: Date.now() };
      }),
  };
  return model;
};
