// tests/simulation/truth/ledger-watch.ts: looks at the ledger after every transaction.
// Sums that hold at every moment, and start offsets that never pass what a successor needs (R6),
// nor go back before their copies in Kafka, which then would say that the ledger has lost commits (R8).

import { isTerminal } from '../../../shared/order/lifecycle.ts';
import type { LedgerTables } from '../../support/in-memory/ledger.ts';
import type { Process } from '../kernel/process.ts';
import type { Simulation } from '../kernel/simulation.ts';
import type { Truth } from './truth.ts';

export interface LedgerWatchOptions {
  sim: Simulation;
  truth: Truth;
  tables: LedgerTables;
  topic: string;
  /** The start offset that Kafka has of a topic's partition; 0 if none. */
  copyOf: (key: string) => number;
  /** The log has lost records, and the ledger may still be of what it was: its start offsets are not looked at. */
  isOfOtherLog: () => boolean;
}

export interface LedgerWatch {
  /** Does the work of one transaction and looks at what it has left. */
  around: <T>(process: Process, work: () => T) => T;
}

export const createLedgerWatch = ({ sim, truth, tables, topic, copyOf, isOfOtherLog }: LedgerWatchOptions): LedgerWatch => {
  const seen = new Map<string, number>();

  const checkSums = (): void => {
    const [held, sold] = [new Map<string, number>(), new Map<string, number>()];
    for (const { state, lines } of tables.reservations.values()) {
      const sums = state === 'held' ? held : sold;
      for (const { product_id: id, quantity } of lines) sums.set(id, (sums.get(id) ?? 0) + quantity);
    }
    for (const [id, { product, reserved, sold: soldUnits }] of tables.products) {
      if (reserved !== (held.get(id) ?? 0)) sim.violate(`${id} has ${reserved} reserved, its reservations hold ${held.get(id) ?? 0}`);
      if (soldUnits !== (sold.get(id) ?? 0)) sim.violate(`${id} has ${soldUnits} sold, its orders took ${sold.get(id) ?? 0}`);
      const putIn = product?.putIn ?? 0;
      if (putIn - soldUnits < reserved) sim.violate(`of ${id} there are ${putIn}, ${soldUnits} sold and ${reserved} reserved`);
    }
  };
  const checkStart = (partition: number, start: number): void => {
    const carried = tables.carried.get(`${topic}/${partition}`); // R12: known all the same
    for (const { order, partition: of, createdOffset, usesStock } of truth.orders.values()) {
      if (of !== partition || createdOffset >= start || carried?.has(order.orderId)) continue;
      if (!isTerminal(order.status))
        sim.violate(`a successor in ${partition} starts at ${start}, behind the creation of the open ${order.orderId}`);
      else if (usesStock && tables.reservations.get(order.orderId)?.state !== 'closed')
        sim.violate(`a successor in ${partition} starts at ${start}, but the stock of ${order.orderId} is not settled`);
    }
    for (const [id, { order }] of carried ?? []) {
      const contradiction = truth.contradiction(order);
      if (contradiction !== null) sim.violate(`carried: ${contradiction}`);
      const least = truth.orderBelow(id, start)?.version ?? 0;
      if (order.version < least)
        sim.violate(`${id} is carried at version ${order.version}, but the start ${start} is behind version ${least}`);
    }
    for (const [id, { partition: of, offset, answers }] of truth.requests) {
      if (of === partition && offset < start && answers.length === 0)
        sim.violate(`a successor in ${partition} starts at ${start}, behind the unanswered ${id}`);
    }
  };

  return {
    around: (process, work) => {
      const before = new Map(Array.from(tables.partitions, ([key, { start }]) => [key, start.offset]));
      const result = work();
      for (const [key, offset] of before) {
        const after = tables.partitions.get(key)!.start.offset;
        const copy = copyOf(key);
        if (after < copy && copy <= offset && !isOfOtherLog())
          sim.violate(`${process.name} moves the start of ${key} back from ${offset} to ${after}, before its copy ${copy} in Kafka`);
      }
      if (tables.products.size > 0) checkSums();
      for (const [key, { start }] of tables.partitions) {
        if (seen.get(key) === start.offset) continue;
        seen.set(key, start.offset);
        sim.trace(() => `${process.name} moves the start of ${key} to ${start.offset}`);
        const [of, partition] = key.split('/');
        if (of === topic && !isOfOtherLog()) checkStart(Number(partition), start.offset);
      }
      return result;
    },
  };
};
