-- What follows from the log can always be written (R18; docs/decisions/0022).
--
-- More may be promised than there is: a decision that was lost with the database, or another program's fact, counts like any other.
-- `put_in - sold - reserved` below zero is an oversell, which people mend by putting units in.
-- A product that only orders know has version 0 and no name yet: its counts wait for its creation to be read.
-- `read_product` is the product as of `read_version` while decisions are ahead of it; null: it is what the columns say.
ALTER TABLE products
  DROP CONSTRAINT products_check1, -- put_in - sold >= reserved
  DROP CONSTRAINT products_check,  -- read_version BETWEEN 1 AND version
  DROP CONSTRAINT products_version_check,
  ADD CONSTRAINT products_version_check CHECK (version >= 0),
  ADD CONSTRAINT products_check CHECK (read_version BETWEEN 0 AND version),
  ALTER COLUMN version SET DEFAULT 0,
  ALTER COLUMN read_version SET DEFAULT 0,
  ALTER COLUMN put_in SET DEFAULT 0,
  ALTER COLUMN name DROP NOT NULL,
  ALTER COLUMN price_minor DROP NOT NULL,
  ALTER COLUMN currency DROP NOT NULL,
  ALTER COLUMN created_at DROP NOT NULL,
  ALTER COLUMN updated_at DROP NOT NULL,
  ALTER COLUMN created_event_id DROP NOT NULL,
  ADD CONSTRAINT products_created CHECK (version = 0 OR num_nulls(name, price_minor, currency, created_at, updated_at, created_event_id) = 0),
  ADD COLUMN read_product jsonb;

-- For the metric, which every scrape asks for: next to always empty.
CREATE INDEX products_oversold ON products (product_id) WHERE put_in - sold < reserved;
