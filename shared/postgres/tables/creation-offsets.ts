// shared/postgres/tables/creation-offsets.ts: the offsets at which orders were created, by the read model: they tell late duplicates (R5).
// One statement reads the rows and the checkpoint of their partition, so that the answer is about one moment.

import type { Row } from '../database.ts';

/** Where orders of one partition were created. */
export interface CreationOffsets {
  /** The first offset that the rows do not contain; null: nothing of the partition was projected. */
  checkpoint: number | null;
  /** Order id → offset of the OrderCreated that won, for those that have an order. */
  createdAt: Map<string, number>;
}

/** Parameters: topic, partition, order ids. Its rows are for `creationOffsetsIn`. */
export const CREATION_OFFSETS = `
  SELECT c.next_offset AS checkpoint, o.order_id, o.created_offset
  FROM (SELECT $2::int4 AS partition) w
  LEFT JOIN checkpoints c ON c.topic = $1 AND c.partition = w.partition
  LEFT JOIN orders o ON o.order_id = ANY($3::text[])`;

export type CreationOffsetRow = Row & { checkpoint: number | null; order_id: string | null; created_offset: number };

export const creationOffsetsIn = (rows: readonly CreationOffsetRow[]): CreationOffsets => {
  const found = rows.flatMap(({ order_id: id, created_offset: offset }) => (id === null ? [] : [[id, offset] as const]));
  return { checkpoint: rows[0]?.checkpoint ?? null, createdAt: new Map(found) };
};
