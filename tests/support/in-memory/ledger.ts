// tests/support/in-memory/ledger.ts: the stock ledger without a database, for simulations.
// The same pure parts, fences and all, on maps that outlive the processes of a simulation. The contract suite holds for it as for
// PostgreSQL.

import type { FenceStamp } from '../../../processor/consumer-group.ts';
import {
  type CarriedOrder,
  type CommittedOffsets,
  type Ledger,
  LedgerFenced,
  type OwnedStart,
  type PartitionRef,
  type ReadMark,
  type Start,
} from '../../../processor/ledger/ledger.ts';
import { LedgerWentBack } from '../../../processor/ledger/ledger-went-back.ts';
import { type Answer, inPlaces } from '../../../processor/ledger/products/product-answers.ts';
import { areTaken, type LedgerProduct, overtaken, takeProductEvents } from '../../../processor/ledger/products/product-requests.ts';
import { moveStock, type Reservation } from '../../../processor/ledger/stock.ts';
import { isBehind, isBehindCopies, lostDecision } from '../../../processor/ledger/went-back.ts';

export interface LedgerTables {
  complete: boolean;
  /** The database has lost commits: nobody claims or changes anything before it was made again from the log. */
  wentBack: boolean;
  partitions: Map<string, FenceStamp & { start: Start }>;
  /** By topic and partition, then by order id. */
  carried: Map<string, Map<string, CarriedOrder>>;
  products: Map<string, LedgerProduct>;
  requests: Map<string, { answer: Answer; partition: number; delivered: boolean }>;
  reservations: Map<string, Reservation>;
}

export const emptyTables = (): LedgerTables => ({
  complete: true,
  wentBack: false,
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
  const mine = new Map<string, FenceStamp>();
  let sequence = 0;
  const keyOf = ({ topic, partition }: PartitionRef): string => `${topic}/${partition}`;
  const isLost = (ref: PartitionRef): boolean => {
    const [known, row] = [mine.get(keyOf(ref)), tables.partitions.get(keyOf(ref))];
    return known === undefined || row?.epoch !== known.epoch || row.sequence !== known.sequence;
  };
  const wentBack = (why: string): LedgerWentBack => {
    markWentBack(tables);
    return new LedgerWentBack(why);
  };
  const requireOwned = (refs: readonly PartitionRef[]): void => {
    const lost = refs.filter(isLost);
    for (const ref of lost) {
      const known = mine.get(keyOf(ref));
      if (known && isBehind(tables.partitions.get(keyOf(ref)), known)) throw wentBack(`${keyOf(ref)} is behind`);
    }
    if (lost.length > 0) throw new LedgerFenced(lost);
  };
  /** Its changes are made: the rows move on, and this process knows it, whatever becomes of the answer. */
  const moveOn = (ref: PartitionRef, mark: ReadMark | null | undefined, next?: Start): void => {
    const row = tables.partitions.get(keyOf(ref))!;
    const moves = mark && mark.nextOffset >= (row.start.mark?.nextOffset ?? 0);
    row.start = { ...(next ?? row.start), mark: moves ? mark : (row.start.mark ?? null) };
    row.sequence += 1;
    mine.set(keyOf(ref), { epoch: row.epoch, sequence: row.sequence });
  };

  return {
    claim: (topic, partitions, committed) =>
      transact(() => {
        if (tables.complete && areBehindCopies(tables, committed)) markWentBack(tables);
        if (tables.wentBack) return { ok: false, reason: 'went-back' };
        if (!tables.complete) return { ok: false, reason: 'incomplete' };
        const starts = new Map<number, OwnedStart>();
        for (const partition of partitions) {
          const key = keyOf({ topic, partition });
          const { epoch = 0, sequence = 0, start = { offset: 0, note: null } } = tables.partitions.get(key) ?? {};
          const stamp = { epoch: epoch + 1, sequence: sequence + 1 };
          tables.partitions.set(key, { ...stamp, start });
          mine.set(key, stamp);
          const carried = [...(tables.carried.get(key)?.values() ?? [])].sort((one, other) => one.createdOffset - other.createdOffset);
          starts.set(partition, { ...start, mark: start.mark ?? null, carried });
        }
        return { ok: true, starts };
      }),
    forget: (topic, partitions) => {
      for (const partition of partitions) mine.delete(keyOf({ topic, partition }));
    },
    confirm: (topic, partitions) =>
      transact(() => {
        requireOwned(partitions.map((partition) => ({ topic, partition })));
        for (const partition of partitions) moveOn({ topic, partition }, null);
      }),
    moveStarts: (topic, starts) =>
      transact(() => {
        requireOwned([...starts.keys()].map((partition) => ({ topic, partition })));
        for (const [partition, { offset, note, mark, store = [], drop = [] }] of starts) {
          const key = keyOf({ topic, partition });
          moveOn({ topic, partition }, mark, { offset, note, mark: tables.partitions.get(key)!.start.mark ?? null });
          const carried = tables.carried.get(key) ?? new Map<string, CarriedOrder>();
          tables.carried.set(key, carried);
          for (const each of store) carried.set(each.order.orderId, structuredClone(each));
          for (const id of drop) carried.delete(id);
        }
      }),
    moveStock: (topic, steps, marks) =>
      transact(() => {
        requireOwned(steps.map(({ partition }) => ({ topic, partition })));
        const lost = lostDecision(steps, tables.reservations);
        if (lost !== null) throw wentBack(`${lost} is in processing, and nothing is reserved for it`);
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
        for (const partition of new Set(steps.map((step) => step.partition))) moveOn({ topic, partition }, marks?.get(partition));
        return moves.decisions;
      }),
    takeProductEvents: (where, events, end) =>
      transact(() => {
        requireOwned([where]);
        if (areTaken(tables.partitions.get(keyOf(where))?.start.offset ?? 0, end.offset)) return { answers: [], delivered: [] };
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
        moveOn(where, end.mark, end);
        return { answers: moves.toAppend, delivered: moves.delivered };
      }),
    undeliveredAnswers: (partition) =>
      transact(() =>
        [...tables.requests.values()]
          .filter((row) => row.partition === partition && !row.delivered)
          .map(({ answer }) => answer)
          .sort(inPlaces),
      ),
    oversoldProducts: () =>
      transact(() => [...tables.products.values()].filter((row) => (row.product?.putIn ?? 0) - row.sold < row.reserved).length),
    stampOf: (where) => mine.get(keyOf(where)) ?? null,
  };
};

const EPOCHS_AHEAD = 1_000; // as processor/ledger/went-back.ts has it

const markWentBack = (tables: LedgerTables): void => {
  if (!tables.complete || tables.wentBack) return;
  tables.wentBack = true;
  for (const row of tables.partitions.values()) Object.assign(row, { epoch: row.epoch + EPOCHS_AHEAD, sequence: row.sequence + 1 });
};

const areBehindCopies = ({ partitions }: LedgerTables, committed: CommittedOffsets): boolean => {
  const rows = Array.from(partitions, ([key, { start, ...stamp }]) => [key, { ...stamp, start_offset: start.offset }] as const);
  return isBehindCopies(new Map(rows), committed);
};
