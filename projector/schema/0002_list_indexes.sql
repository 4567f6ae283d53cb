-- Every list is read as ranges of one status each, merged in page order (api/reads/order-list.ts). So the filters by user and by batch
-- carry the status too: a user's few pending orders among a hundred thousand are found as fast as all of them.
--
-- No index is on (created_at, order_id) alone. It would be one more to write at every change of status, and a trap: with
-- statistics from a busier hour the planner takes a status for common, walks that index until the page is full, and reads every
-- order there is. Without it no plan but the range of the filter gives the page order.
DROP INDEX orders_created_at;
DROP INDEX orders_user;
DROP INDEX orders_batch;
CREATE INDEX orders_user ON orders (user_id, status, created_at, order_id);
CREATE INDEX orders_batch ON orders (batch_id, status, created_at, order_id) WHERE batch_id IS NOT NULL;
