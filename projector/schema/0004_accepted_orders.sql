-- An order that its endpoint of fulfilment has accepted, and will report on: {at, reference}. No fact has said so before this version, so
-- that null is right for every row there is.
ALTER TABLE orders ADD COLUMN accepted jsonb;
