-- Orders that have been open for so long that the start offset of their partition has passed their creation (R12). `fold` is the order
-- as the log makes it up to the read position `as_of`: facts below that are not folded again, wherever reading starts.
CREATE TABLE carried_orders (
  topic          text    COLLATE "C" NOT NULL,
  partition      integer NOT NULL,
  order_id       text    COLLATE "C" NOT NULL,
  created_offset bigint  NOT NULL,
  as_of          bigint  NOT NULL,
  uses_stock     boolean NOT NULL,
  fold           jsonb   NOT NULL,
  PRIMARY KEY (topic, order_id)
);
CREATE INDEX carried_orders_of_partition ON carried_orders (topic, partition, created_offset);
