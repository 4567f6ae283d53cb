-- R17: the log from which a partition's part of the ledger follows, so that it is known again: the topic's id, how far the owner had read
-- when it wrote last, and the id of the record before that. Null where nothing was written since this version. Nothing in the ledger follows
-- from records at or beyond `read_offset`.
ALTER TABLE partitions
  ADD COLUMN topic_id      text,
  ADD COLUMN read_offset   bigint,
  ADD COLUMN last_event_id text;

-- The database has lost commits: what it says is older than what was decided. It is made again from the log before anything is decided, and
-- whoever finds it so goes on with that.
ALTER TABLE ledger ADD COLUMN went_back boolean NOT NULL DEFAULT false;
