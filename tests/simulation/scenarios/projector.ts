// tests/simulation/scenarios/projector.ts: three projectors that take partitions from one another, statements without answers, backups, and
// records that cannot be decoded: the tables are the fold of the log all the same, every record once.

import { decodeOrderEvent } from '../../../shared/log/order-codec.ts';
import { UNTRACKED } from '../clients/items.ts';
import { sendShoppers } from '../clients/shoppers.ts';
import { sendStrays } from '../clients/strays.ts';
import type { RunWorld } from '../scenarios.ts';
import { runSystem } from '../system.ts';
import { DEAD_LETTERS, ORDERS, type World } from '../world.ts';

export const projectorWorld: RunWorld = (seed, onTrace) =>
  runSystem(
    seed,
    {
      roles: { apis: 1, processors: 1, projectors: 3 },
      faultsMs: 10_000,
      restMs: 30_000,
      appendFaults: 0.1,
      databaseFaults: 0.08,
      faults: { everyMs: 450, restores: seed % 3 === 0 },
      tailMax: seed % 2 === 0 ? 3 : 10_000,
      clients: ({ world, desk, checkAtRest }) => {
        sendShoppers(world, desk, { count: world.sim.between(3, 6), duringMs: 9_000, changesMax: 2, itemsOf: () => [UNTRACKED] });
        sendStrays(world, ORDERS, 4);
        checkAtRest(() => checkLetters(world));
      },
    },
    onTrace,
  );

const checkLetters = ({ sim, log }: World): void => {
  const letters = new Set(
    log.partitions(DEAD_LETTERS)[0]!.records.map(({ headers: { dl_partition, dl_offset } }) => `${dl_partition}@${dl_offset}`),
  );
  for (const { records } of log.partitions(ORDERS)) {
    for (const record of records) {
      const place = `${record.partition}@${record.offset}`;
      if (decodeOrderEvent(record).ok === letters.has(place)) sim.violate(`${place} has ${letters.has(place) ? 'a' : 'no'} dead letter`);
    }
  }
};
