-- The read model: everything here is a fold of the log and can be dropped and rebuilt. Names are not qualified: the
-- connection's search path decides which schema is meant, so that a rebuild can fill a second one beside the live one.
-- Ids are compared byte by byte (COLLATE "C"): the same order on every machine and in our own code, and several times faster.

-- One row per partition. `next_offset` is the first record that the rows do not contain; it is compared and set in the
-- transaction that writes the rows (exactly once). Topic id and last event id tell whether this is still the same log (R9).
CREATE TABLE checkpoints (
  topic         text    NOT NULL,
  partition     integer NOT NULL,
  next_offset   bigint  NOT NULL CHECK (next_offset >= 0),
  topic_id      text    NOT NULL,
  last_event_id text,
  PRIMARY KEY (topic, partition)
);

CREATE TABLE orders (
  order_id              text        COLLATE "C" PRIMARY KEY,
  user_id               text        COLLATE "C" NOT NULL,
  status                text        COLLATE "C" NOT NULL CHECK (status IN ('pending', 'processing', 'completed', 'cancelled', 'rejected')),
  version               integer     NOT NULL CHECK (version >= 1),
  items                 jsonb       NOT NULL,
  total_minor           bigint      NOT NULL CHECK (total_minor >= 0),
  currency              text        NOT NULL,
  created_at            timestamptz(3) NOT NULL,
  processing_started_at timestamptz(3),
  completed_at          timestamptz(3),
  cancelled_at          timestamptz(3),
  rejected_at           timestamptz(3),
  updated_at            timestamptz(3) NOT NULL,
  reason                text,
  parked                jsonb,
  batch_id              text        COLLATE "C",
  id_origin             text        NOT NULL,
  created_event_id      text        NOT NULL,
  command_hash          text,
  answered_requests     text[]      NOT NULL DEFAULT '{}',
  partition             integer     NOT NULL,
  created_offset        bigint      NOT NULL,
  last_offset           bigint      NOT NULL
) WITH (fillfactor = 85); -- most orders are updated twice within seconds of their insert

-- Keyset pages on (created_at, order_id), alone and under each filter.
CREATE INDEX orders_created_at ON orders (created_at, order_id);
CREATE INDEX orders_status ON orders (status, created_at, order_id);
CREATE INDEX orders_user ON orders (user_id, created_at, order_id);
CREATE INDEX orders_batch ON orders (batch_id, created_at, order_id) WHERE batch_id IS NOT NULL;
CREATE INDEX orders_parked ON orders (created_at, order_id) WHERE parked IS NOT NULL;

-- Which orders contain a product, in page order: an index on the items could not give that.
CREATE TABLE order_products (
  product_id text           COLLATE "C" NOT NULL,
  created_at timestamptz(3) NOT NULL,
  order_id   text           COLLATE "C" NOT NULL,
  PRIMARY KEY (product_id, created_at, order_id)
);

-- Every record of the log with its verdict. Key, headers and value are the raw bytes (headers framed as in
-- shared/log/codec/raw-headers.ts), so that proofs can be made over what was really in the log.
CREATE TABLE events (
  partition   integer     NOT NULL,
  log_offset  bigint      NOT NULL,
  order_id    text        COLLATE "C", -- null where the record could not be decoded
  type        text,
  effect      text        NOT NULL CHECK (effect IN ('applied', 'void', 'request', 'refusal', 'undecodable')),
  recorded_at timestamptz(3) NOT NULL,
  key         bytea,
  headers     bytea       NOT NULL,
  value       bytea
);
CREATE INDEX events_order ON events (order_id, log_offset) WHERE order_id IS NOT NULL;
-- Appended in log order, so a block range index finds a position at next to no cost; uniqueness is the checkpoint's work.
-- Ranges are summarized as they fill up, not at the next vacuum: until then every search would read them.
CREATE INDEX events_position ON events USING brin (partition, log_offset) WITH (autosummarize = on);

-- Counters per partition: owners of different partitions never wait for one another; readers add the rows up.
CREATE TABLE counters (
  partition            integer PRIMARY KEY,
  pending              bigint NOT NULL DEFAULT 0,
  processing           bigint NOT NULL DEFAULT 0,
  completed            bigint NOT NULL DEFAULT 0,
  cancelled            bigint NOT NULL DEFAULT 0,
  rejected             bigint NOT NULL DEFAULT 0,
  parked               bigint NOT NULL DEFAULT 0,
  revenue_minor        bigint NOT NULL DEFAULT 0,  -- of completed orders
  processing_ms        bigint NOT NULL DEFAULT 0,  -- sum over completed orders: processing_started_at to completed_at
  total_ms             bigint NOT NULL DEFAULT 0,  -- sum over completed orders: created_at to completed_at
  completed_processing bigint NOT NULL DEFAULT 0   -- how many orders those sums run over
);

-- Mergeable histogram of the processing time of completed orders (bucket bounds: projector/projections/processing-time.ts).
CREATE TABLE processing_time_histogram (
  partition integer NOT NULL,
  bucket    integer NOT NULL,
  count     bigint  NOT NULL,
  PRIMARY KEY (partition, bucket)
);

-- The result of the last `npm run orders -- verify`.
CREATE TABLE verification (
  one          boolean PRIMARY KEY DEFAULT true CHECK (one),
  checked_at   timestamptz(3) NOT NULL,
  drift_orders bigint NOT NULL
);
