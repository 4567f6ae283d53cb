// processor/orders/creation-offsets.ts: asks the read model where the orders of some ids were created (R5).

import { FIRST_LIVES, type FirstLifeRow, firstLivesIn } from '../../shared/postgres/creation-offsets.ts';
import type { Queryable } from '../../shared/postgres/database.ts';
import type { LookUpFirstLives } from './late-duplicates.ts';

export const createFirstLives =
  (database: Queryable, topic: string): LookUpFirstLives =>
  async (partition, orderIds, knownFrom) => {
    const { checkpoint, createdAt } = firstLivesIn((await database.query<FirstLifeRow>(FIRST_LIVES, [topic, partition, orderIds])).rows);
    return checkpoint === null || checkpoint < knownFrom ? null : createdAt;
  };
