// tests/simulation/single-role/locking-database.ts: as much of PostgreSQL as the stock ledger's transactions need.
// Fence rows that are compared and set, rows that are locked one by one until the transaction ends (in order of the key where the statement
// says so, in any order where it does not), waits, and the detection of deadlocks. It reads the product's own statements.

import type { Client, Database } from '../../../shared/postgres/database.ts';
import type { Simulation } from '../kernel/simulation.ts';

export interface FenceRow {
  epoch: number;
  sequence: number;
  start_offset: number;
}

export interface LockingTables {
  fences: Map<number, FenceRow>;
  products: Map<string, { put_in: number; reserved: number; sold: number }>;
  reservations: Map<string, { version: number; state: string; lines: unknown }>;
  /** Key → session that holds it. */
  locks: Map<string, string>;
  /** Session → key that it waits for. */
  waits: Map<string, string>;
  deadlocks: string[];
  /** Whether the ledger contains the whole log. */
  complete: boolean;
  /** Whether it was found to have lost commits. */
  wentBack: boolean;
  /** How likely a transaction does not arrive, and how likely it is committed without an answer. */
  unsent: number;
  unanswered: number;
}

export const TOPIC = 'orders';

const HEADER_BYTES = 20;

/** The fields of a binary array parameter (shared/postgres/binary.ts). */
const fieldsOf = (array: Buffer): (Buffer | null)[] => {
  const fields: (Buffer | null)[] = [];
  for (let at = HEADER_BYTES; at < array.length; ) {
    const length = array.readInt32BE(at);
    at += 4;
    fields.push(length < 0 ? null : array.subarray(at, at + length));
    at += Math.max(0, length);
  }
  return fields;
};
const texts = (array: unknown): string[] => fieldsOf(array as Buffer).map(String);
const integers = (array: unknown): number[] =>
  fieldsOf(array as Buffer).map((field) => (field!.length === 4 ? field!.readInt32BE() : Number(field!.readBigInt64BE())));

/**
 * One process's connection to the tables. What a transaction has written stays when it fails: the ledger's own compare first and then only
 * write. The simulation decides what PostgreSQL leaves open: who goes first, unordered rows, and answers that are lost.
 */
export const lockingDatabase = (session: string, tables: LockingTables, sim: Simulation): Database => {
  const next = sim.random;
  const pause = (): Promise<void> => sim.pause(sim.between(0, 3));
  const waitsForMe = (key: string): boolean => {
    for (let holder = tables.locks.get(key); holder !== undefined; ) {
      if (holder === session) return true;
      const wanted = tables.waits.get(holder);
      holder = wanted === undefined ? undefined : tables.locks.get(wanted);
    }
    return false;
  };
  const lock = async (key: string): Promise<void> => {
    await pause();
    while ((tables.locks.get(key) ?? session) !== session) {
      if (waitsForMe(key)) {
        tables.deadlocks.push(`${session} waits for ${key} of ${tables.locks.get(key)}, which waits for it`);
        throw Object.assign(new Error('deadlock detected'), { code: '40P01' });
      }
      tables.waits.set(session, key);
      await sim.pause(1);
    }
    tables.waits.delete(session);
    tables.locks.set(key, session);
    sim.trace(() => `${session} locks ${key}`);
  };
  const lockAll = async (kind: string, statement: string, ids: readonly string[]): Promise<void> => {
    const isOrdered = /ORDER BY \w+ FOR UPDATE/.test(statement);
    const inOrder = isOrdered
      ? ids.toSorted()
      : ids
          .map((id) => ({ id, at: next() }))
          .sort((a, b) => a.at - b.at)
          .map(({ id }) => id);
    for (const id of inOrder) await lock(`${kind} ${id}`);
  };

  const compareAndSet = async (values: readonly unknown[]): Promise<{ partition: number }[]> => {
    const [partitions, epochs, sequences, starts] = values.slice(1, 5).map(integers) as [number[], number[], number[], number[]];
    const moved: { partition: number }[] = [];
    for (const [index, partition] of partitions.entries()) {
      await lock(`fence ${partition}`);
      const row = tables.fences.get(partition)!;
      if (row.epoch !== epochs[index] || row.sequence !== sequences[index] || row.start_offset !== starts[index]) continue;
      tables.fences.set(partition, { ...row, sequence: row.sequence + 1 });
      moved.push({ partition });
    }
    return moved;
  };
  const claim = async (partitions: readonly number[]): Promise<unknown[]> => {
    for (const partition of partitions) {
      await lock(`fence ${partition}`);
      const { epoch, sequence, start_offset } = tables.fences.get(partition) ?? { epoch: 0, sequence: 0, start_offset: 0 };
      tables.fences.set(partition, { epoch: epoch + 1, sequence: sequence + 1, start_offset });
    }
    return partitions.map((partition) => ({ partition, ...tables.fences.get(partition)!, note: null }));
  };
  const write = ([ids, versions, , lines, productIds, reserved, sold]: readonly unknown[]): unknown[] => {
    const [held, sums, sales] = [integers(versions), integers(reserved), integers(sold)];
    const written = fieldsOf(lines as Buffer).map((json) => JSON.parse(String(json!.subarray(1))) as unknown);
    for (const [index, id] of texts(ids).entries()) {
      tables.reservations.set(id, { version: held[index]!, state: 'held', lines: written[index] });
    }
    for (const [index, id] of texts(productIds).entries()) {
      tables.products.set(id, { ...tables.products.get(id)!, reserved: sums[index]!, sold: sales[index]! });
    }
    return [];
  };

  const run = async (statement: string, values: readonly unknown[]): Promise<unknown[]> => {
    if (statement.includes('FROM ledger')) return [{ complete: tables.complete, went_back: tables.wentBack }];
    if (statement.includes('UPDATE ledger')) {
      tables.wentBack = true;
      return [];
    }
    if (statement.includes('SET epoch = epoch +')) {
      for (const row of tables.fences.values()) row.epoch += Number(values[0]);
      return [];
    }
    const fences = Array.from(tables.fences, ([partition, row]) => ({ topic: values[0] ?? TOPIC, partition, ...row }));
    if (statement.includes('SELECT topic, partition, start_offset')) return fences;
    if (statement.includes('SELECT partition, epoch, sequence')) {
      const asked = integers(values[1]);
      return fences.filter(({ partition }) => asked.includes(partition));
    }
    if (statement.includes('FROM carried_orders')) return []; // no order is open for long here
    if (statement.includes('INSERT INTO partitions')) return claim(integers(values[1]));
    if (statement.includes('UPDATE partitions')) return compareAndSet(values);
    if (statement.includes('INSERT INTO reservations')) return write(values);
    const ids = texts(values[0]);
    if (statement.includes('FROM reservations')) {
      await lockAll('order', statement, ids);
      return ids.flatMap((order_id) => (tables.reservations.has(order_id) ? [{ order_id, ...tables.reservations.get(order_id) }] : []));
    }
    if (!statement.includes('FROM products')) throw new Error(`this database does not know the statement ${statement}`);
    await lockAll('product', statement, ids);
    return ids.map((product_id) => ({ product_id, is_created: true, coming: 0, ...tables.products.get(product_id)! }));
  };
  const query = async (asked: string | { text: string; values: unknown[] }, values: unknown[] = []) => {
    const rows = typeof asked === 'string' ? await run(asked, values) : await run(asked.text, asked.values);
    return { rows, rowCount: rows.length };
  };
  return {
    schema: 'ledger',
    query,
    transaction: async (work: (client: Client) => Promise<unknown>) => {
      const lost = () => Object.assign(new Error('the connection is lost'), { code: '08006' });
      try {
        if (next() < tables.unsent) throw lost();
        const result = await work({ query } as unknown as Client);
        if (next() < tables.unanswered) throw lost();
        return result;
      } finally {
        tables.waits.delete(session);
        for (const [key, holder] of tables.locks) if (holder === session) tables.locks.delete(key);
      }
    },
  } as unknown as Database;
};
