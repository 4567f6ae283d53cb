-- The stock ledger: what is on hand of every product, and which order holds how much of it. It follows from the log and can be
-- dropped and rebuilt (R8), but unlike the read model it takes part in decisions: every transaction that changes it is fenced.
-- Names are not qualified: the connection's search path decides which schema is meant. Ids compare byte by byte (COLLATE "C").

-- One row. Nothing is decided while the ledger does not contain the whole log.
CREATE TABLE ledger (
  one      boolean PRIMARY KEY DEFAULT true CHECK (one),
  complete boolean NOT NULL
);
INSERT INTO ledger (complete) VALUES (false);

-- One row per partition that a processor has owned. Every transaction compares `epoch` (of the owner) and `sequence` and sets the
-- next: whoever lost the partition, or writes to a database that went back, fails. `start_offset` is where an owner starts
-- reading (R6), `note` what it must know of the log before that; Kafka's committed offset is a copy.
CREATE TABLE partitions (
  topic        text    COLLATE "C" NOT NULL,
  partition    integer NOT NULL,
  epoch        bigint  NOT NULL,
  sequence     bigint  NOT NULL,
  start_offset bigint  NOT NULL CHECK (start_offset >= 0),
  note         text,
  PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50); -- updated every second, in place

-- A product with every decision about it, also those whose fact is not in the log yet: `version` is that of the last decision,
-- `read_version` that of the last fact read. `unread_in` are units put in by facts not read yet: on hand, but promised to
-- nobody, because a ledger that is rebuilt now would not know them.
CREATE TABLE products (
  product_id       text    COLLATE "C" PRIMARY KEY,
  version          integer NOT NULL CHECK (version >= 1),
  read_version     integer NOT NULL CHECK (read_version BETWEEN 1 AND version),
  name             text    NOT NULL,
  description      text,
  price_minor      bigint  NOT NULL CHECK (price_minor >= 0),
  currency         text    NOT NULL,
  put_in           bigint  NOT NULL,
  unread_in        bigint  NOT NULL DEFAULT 0 CHECK (unread_in >= 0),
  reserved         bigint  NOT NULL DEFAULT 0 CHECK (reserved >= 0),
  sold             bigint  NOT NULL DEFAULT 0 CHECK (sold >= 0),
  created_at       timestamptz(3) NOT NULL,
  updated_at       timestamptz(3) NOT NULL,
  created_event_id text    NOT NULL,
  CHECK (put_in - sold >= reserved)
) WITH (fillfactor = 50);

-- The verdict on every request, for ever: a request that comes again keeps it. Those not delivered are the outbox, by `decision`.
CREATE TABLE product_requests (
  request_id   text    COLLATE "C" PRIMARY KEY,
  product_id   text    COLLATE "C" NOT NULL,
  command_hash text,
  version      integer, -- of the fact; null: refused
  event        jsonb   NOT NULL,
  delivered    boolean NOT NULL,
  partition    integer NOT NULL,
  decision     bigint  GENERATED ALWAYS AS IDENTITY
);
CREATE INDEX product_requests_outbox ON product_requests (partition, decision) WHERE NOT delivered;

-- What an order holds (`held`), or took for good (`closed`; no lines: nothing). `version` is the order's when it was decided (R4).
-- Closed ones are never deleted: they keep a late twin of the order from taking stock again (R5).
CREATE TABLE reservations (
  order_id text    COLLATE "C" PRIMARY KEY,
  version  integer NOT NULL CHECK (version >= 1),
  state    text    COLLATE "C" NOT NULL CHECK (state IN ('held', 'closed')),
  lines    jsonb   NOT NULL
) WITH (fillfactor = 85);
