// processor/first-lives.ts: asks the read model where the orders of some ids were created (R5). One statement reads the rows and
// the checkpoint, so that the answer is about one moment.

import type { Queryable } from '../shared/postgres/database.ts';
import type { LookUpFirstLives } from './admission.ts';

const QUERY = `
  SELECT c.next_offset, o.order_id, o.created_offset
  FROM checkpoints c
  LEFT JOIN orders o ON o.order_id = ANY ($3::text[])
  WHERE c.topic = $1 AND c.partition = $2`;

interface Found {
  next_offset: number;
  order_id: string | null;
  created_offset: number;
}

export const createFirstLives =
  (database: Queryable, topic: string): LookUpFirstLives =>
  async (partition, orderIds, knownFrom) => {
    const { rows } = await database.query<Found & Record<string, unknown>>(QUERY, [topic, partition, orderIds]);
    const [first] = rows;
    if (first === undefined || first.next_offset < knownFrom) return null;
    const createdAt = new Map<string, number>();
    for (const row of rows) if (row.order_id !== null) createdAt.set(row.order_id, row.created_offset);
    return createdAt;
  };
