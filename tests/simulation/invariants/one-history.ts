// tests/simulation/invariants/one-history.ts: what is stored follows from one log: as it is, or as it was before it lost something. Never of both.

import type { Batch } from '../../../projector/project.ts';
import { offsetAfter } from '../../../shared/log/log.ts';
import { ORDERS, type World } from '../world.ts';

/** The projector is about to commit this. */
export const checkOneHistory = ({ sim, log, readModel }: World, { archive }: Batch): void => {
  if (!log.mayLose) return;
  for (const [number, rows] of Map.groupBy(archive, ({ record }) => record.partition)) {
    const stored = [...(readModel.archive.get(number) ?? []), ...rows].map(({ record }) => record);
    const partition = log.partitions(ORDERS)[number]!;
    // The very bytes that the broker had: a copy of a record is another one.
    const isOf = log.histories(partition).some((history) => stored.every(({ offset, value }) => history[offset]?.value === value));
    if (!isOf) sim.violate(`what is stored of ${number} up to ${offsetAfter(stored.at(-1)!)} is of two logs`);
  }
};
