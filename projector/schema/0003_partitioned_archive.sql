-- The archive in tables of a range of offsets each, so that years of it can be kept, and what is old dropped at once (decision 13).
-- The table that was there becomes the first of them as it is: no row moves. PostgreSQL reads it once to check the offsets;
-- whoever reads a history waits for so long.
-- Everybody queues behind the one who waits for this lock, so behind a reader of hours it gives up; the next start tries again.
SET LOCAL lock_timeout = '5s';
ALTER TABLE events RENAME TO events_from_0;
-- The names that PostgreSQL itself gives to the indexes of the tables that follow.
ALTER INDEX events_order RENAME TO events_from_0_order_id_log_offset_idx;
ALTER INDEX events_position RENAME TO events_from_0_partition_log_offset_idx;

-- No primary key, as before: uniqueness is the checkpoint's work. And no default partition: a new table could then only be
-- attached under a lock that waits for every reader.
CREATE TABLE events (LIKE events_from_0 INCLUDING CONSTRAINTS) PARTITION BY RANGE (log_offset);
CREATE INDEX events_order ON events (order_id, log_offset) WHERE order_id IS NOT NULL;
CREATE INDEX events_position ON events USING brin (partition, log_offset) WITH (autosummarize = on);

-- Up to the next million above what it holds; from there on the projector makes tables (projector/store/archive-tables.ts).
DO $$
BEGIN
  EXECUTE format('ALTER TABLE events ATTACH PARTITION events_from_0 FOR VALUES FROM (0) TO (%s)',
    (SELECT coalesce(max(next_offset) / 1000000, 0) + 1 FROM checkpoints) * 1000000);
END $$;
