// tests/support/in-memory/ledger.ts: the stock ledger without a database, for simulations.
// The same pure parts, fences and all, on maps that outlive the processes of a simulation. The contract suite holds for it as for
// PostgreSQL.

import {
  type CarriedOrder,
  type Ledger,
  LedgerFenced,
  type OwnedStart,
  type PartitionRef,
  type Start,
} from '../../../processor/ledger/ledger.ts';
import { type Answer, type LedgerProduct, overtaken, takeProductEvents } from '../../../processor/ledger/product-requests.ts';
import { moveStock, type Reservation } from '../../../processor/ledger/stock.ts';

export interface LedgerTables {
  complete: boolean;
  partitions: Map<string, { epoch: number; start: Start }>;
  /** By topic and partition, then by order id. */
  carried: Map<string, Map<string, CarriedOrder>>;
  products: Map<string, LedgerProduct>;
  requests: Map<string, { answer: Answer; partition: number; delivered: boolean }>;
  reservations: Map<string, Reservation>;
}

export const emptyTables = (): LedgerTables => ({
  complete: true,
  partitions: new Map(),
  carried: new Map(),
  products: new Map(),
  requests: new Map(),
  reservations: new Map(),
});

/** One per process, on tables that all share. `transact` lets a simulation delay a transaction, or lose its answer. */
export const createMemoryLedger = (
  tables: LedgerTables,
  transact = <T>(work: () => T): Promise<T> => Promise.resolve().then(work),
): Ledger => {
  const epochs = new Map<string, number>();
  let sequence = 0;
  const keyOf = ({ topic, partition }: PartitionRef): string => `${topic}/${partition}`;
  const requireOwned = (refs: readonly PartitionRef[]): void => {
    const lost = refs.filter(
      (ref) => epochs.get(keyOf(ref)) === undefined || tables.partitions.get(keyOf(ref))?.epoch !== epochs.get(keyOf(ref)),
    );
    if (lost.length > 0) throw new LedgerFenced(lost);
  };

  return {
    claim: (topic, partitions, committed) =>
      transact(() => {
        if (!tables.complete) return { ok: false, reason: 'incomplete' };
        for (const [each, offsets] of committed) {
          for (const [partition, offset] of offsets) {
            if ((tables.partitions.get(keyOf({ topic: each, partition }))?.start.offset ?? 0) < offset)
              return { ok: false, reason: 'went-back' };
          }
        }
        const starts = new Map<number, OwnedStart>();
        for (const partition of partitions) {
          const key = keyOf({ topic, partition });
          const { epoch = 0, start = { offset: 0, note: null } } = tables.partitions.get(key) ?? {};
          tables.partitions.set(key, { epoch: epoch + 1, start });
          epochs.set(key, epoch + 1);
          const carried = [...(tables.carried.get(key)?.values() ?? [])].sort((one, other) => one.createdOffset - other.createdOffset);
          starts.set(partition, { ...start, carried });
        }
        return { ok: true, starts };
      }),
    forget: (topic, partitions) => {
      for (const partition of partitions) epochs.delete(keyOf({ topic, partition }));
    },
    moveStarts: (topic, starts) =>
      transact(() => {
        requireOwned([...starts.keys()].map((partition) => ({ topic, partition })));
        for (const [partition, { offset, note, store = [], drop = [] }] of starts) {
          const key = keyOf({ topic, partition });
          tables.partitions.get(key)!.start = { offset, note };
          const carried = tables.carried.get(key) ?? new Map<string, CarriedOrder>();
          tables.carried.set(key, carried);
          for (const each of store) carried.set(each.order.orderId, structuredClone(each));
          for (const id of drop) carried.delete(id);
        }
      }),
    moveStock: (topic, steps) =>
      transact(() => {
        requireOwned(steps.map(({ partition }) => ({ topic, partition })));
        const stocks = Array.from(
          tables.products,
          ([id, { product, unreadIn, reserved, sold }]) =>
            [id, { isCreated: product !== null, putIn: (product?.putIn ?? 0) - unreadIn, coming: unreadIn, reserved, sold }] as const,
        );
        const moves = moveStock({ reservations: tables.reservations, products: new Map(stocks) }, steps);
        for (const [id, { reserved, sold }] of moves.products) {
          if (reserved < 0) throw new Error(`${id} has ${reserved} reserved`);
          const known = tables.products.get(id) ?? { productId: id, product: null, read: null, unreadIn: 0 };
          tables.products.set(id, { ...known, reserved, sold });
        }
        for (const [id, reservation] of moves.reservations) tables.reservations.set(id, reservation);
        return moves.decisions;
      }),
    takeProductEvents: (where, events, end) =>
      transact(() => {
        requireOwned([where]);
        const decisions = Array.from(
          tables.requests,
          ([id, { delivered, answer }]) => [id, { delivered, eventId: answer.event.id }] as const,
        );
        const stamp = { newId: () => `p-${where.partition}-${end.offset}-${++sequence}`, now: () => 0 };
        const state = { products: tables.products, decisions: new Map(decisions) };
        const behind = overtaken(state, events);
        const outbox = [...tables.requests.values()]
          .filter(({ delivered, answer }) => !delivered && behind.includes(answer.event.productId))
          .map(({ answer }) => answer);
        const moves = takeProductEvents({ ...state, outbox }, events, stamp);
        for (const [id, product] of moves.products) tables.products.set(id, product);
        for (const stored of [...moves.added, ...moves.rewritten])
          tables.requests.set(stored.answer.requestId, { ...stored, partition: where.partition });
        for (const id of moves.delivered) tables.requests.get(id)!.delivered = true;
        tables.partitions.get(keyOf(where))!.start = end;
        return { answers: moves.toAppend, delivered: moves.delivered };
      }),
    undeliveredAnswers: (partition) =>
      transact(() =>
        [...tables.requests.values()].filter((row) => row.partition === partition && !row.delivered).map(({ answer }) => answer),
      ),
    oversoldProducts: () =>
      transact(() => [...tables.products.values()].filter((row) => (row.product?.putIn ?? 0) - row.sold < row.reserved).length),
  };
};
