// tests/simulation/invariants/processor-memory.ts: what a processor has in memory of its partitions.
// Once it acts, every order that the log shows open, as the log has it (R6, R12); at rest nothing else.

import type { Partition } from '../../../processor/orders/partition.ts';
import type { OrderProcessor } from '../../../processor/orders/process-orders.ts';
import type { Assignment } from '../../../shared/log/log.ts';
import { isTerminal } from '../../../shared/order/lifecycle.ts';
import type { Slot } from '../fleet.ts';
import type { World } from '../world.ts';

export interface TakeOverWatch {
  begin: (assignments: readonly Assignment[]) => void;
  /** After records of a partition were read. */
  look: (owned: Iterable<Partition>, partition: number) => void;
}

export const watchTakeOvers = (world: World, name: string): TakeOverWatch => {
  const { sim, truth } = world;
  /** Partitions that it does not act on yet. */
  const recovering = new Set<number>();
  return {
    begin: (assignments) => {
      for (const { partition, startOffset, highWatermark } of assignments) {
        recovering.add(partition);
        world.takeOvers.push({ at: sim.now(), partition, startOffset, end: highWatermark });
      }
    },
    look: (owned, number) => {
      if (!recovering.has(number)) return;
      const memory = [...owned].find(({ partition }) => partition === number);
      if (memory === undefined || memory.position < memory.actFrom) return;
      recovering.delete(number);
      if (world.isLogOther) return; // it may be of what the log was
      for (const [id, { partition }] of truth.orders) {
        const order = partition === number ? truth.orderBelow(id, memory.position) : null;
        if (order === null || isTerminal(order.status)) continue;
        const known = memory.orders.get(id)?.order;
        if (known?.version !== order.version)
          sim.violate(`${name} takes over ${id} at version ${known?.version} instead of ${order.version}`);
      }
    },
  };
};

/** At rest. */
export const checkMemory = ({ sim, truth }: World, processors: readonly Slot<Pick<OrderProcessor, 'partitions'>>[]): void => {
  const open = [...truth.orders.values()].filter(({ order }) => !isTerminal(order.status));
  for (const { name, running } of processors) {
    for (const { partition, openCount } of running?.partitions() ?? []) {
      const expected = open.filter((each) => each.partition === partition).length;
      if (openCount !== expected) sim.violate(`${name} takes ${openCount} orders of ${partition} for open, by the log ${expected} are`);
    }
  }
};
