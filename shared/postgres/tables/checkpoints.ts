// shared/postgres/tables/checkpoints.ts: table `checkpoints`: how far the rows of the read model contain the log. The projector alone moves them.

import type { Queryable, Row } from '../database.ts';

/** How far a partition of the topic is contained in the rows. */
export interface Checkpoint {
  partition: number;
  /** The first offset that the rows do not contain. */
  nextOffset: number;
  /** The id that Kafka gave the topic at its creation: another topic of the same name is another log (R9). */
  topicId: string;
  /** ce_id of the record before `nextOffset`; null at the beginning, and after a record that could not be decoded. */
  lastEventId: string | null;
}

const READ = `
  SELECT partition, next_offset AS "nextOffset", topic_id AS "topicId", last_event_id AS "lastEventId"
  FROM checkpoints WHERE topic = $1`;

/** The checkpoints by partition, as the given connection or transaction sees them. */
export const readCheckpoints = async (queryable: Queryable, topic: string): Promise<Map<number, Checkpoint>> => {
  const { rows } = await queryable.query<Checkpoint & Row>(READ, [topic]);
  return new Map(rows.map((row) => [row.partition, row]));
};

/** Partition → first offset that the rows do not contain. A partition without an entry has no rows. */
export const readNextOffsets = async (queryable: Queryable, topic: string): Promise<Map<number, number>> => {
  const checkpoints = await readCheckpoints(queryable, topic);
  return new Map(Array.from(checkpoints, ([partition, { nextOffset }]) => [partition, nextOffset]));
};
