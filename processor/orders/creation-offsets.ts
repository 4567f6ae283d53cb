// processor/orders/creation-offsets.ts: asks the read model where the orders of some ids were created (R5).

import type { Queryable } from '../../shared/postgres/database.ts';
import { CREATION_OFFSETS, type CreationOffsetRow, creationOffsetsIn } from '../../shared/postgres/tables/creation-offsets.ts';
import type { LookUpCreationOffsets } from './late-duplicates.ts';

export const createCreationOffsetLookUp =
  (database: Queryable, topic: string): LookUpCreationOffsets =>
  async (partition, orderIds, knownFrom) => {
    const { checkpoint, createdAt } = creationOffsetsIn(
      (await database.query<CreationOffsetRow>(CREATION_OFFSETS, [topic, partition, orderIds])).rows,
    );
    return checkpoint === null || checkpoint < knownFrom ? null : createdAt;
  };
