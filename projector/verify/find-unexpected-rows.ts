// projector/verify/find-unexpected-rows.ts: rows that belong to no partition of the topic, so that no comparison has come across them.

import { openCursor } from '../../shared/postgres/cursor.ts';
import type { Client } from '../../shared/postgres/database.ts';
import type { Difference, Report } from './report.ts';

const UNEXPECTED: readonly { what: Difference['what']; query: string }[] = [
  { what: 'order', query: 'SELECT order_id AS id FROM orders WHERE partition <> ALL ($1::int4[])' },
  { what: 'archive', query: `SELECT partition || '@' || log_offset AS id FROM events WHERE partition <> ALL ($1::int4[])` },
  { what: 'counters', query: 'SELECT partition::text AS id FROM counters WHERE partition <> ALL ($1::int4[])' },
  { what: 'histogram', query: 'SELECT partition::text AS id FROM processing_time_histogram WHERE partition <> ALL ($1::int4[])' },
  {
    what: 'order_products',
    query: `SELECT p.order_id AS id FROM order_products p
            LEFT JOIN orders o ON o.order_id = p.order_id WHERE o.order_id IS NULL AND $1::int4[] IS NOT NULL`,
  },
];

export const findUnexpectedRows = async (snapshot: Client, report: Report, partitions: readonly number[]): Promise<void> => {
  for (const { what, query } of UNEXPECTED) {
    const rows = await openCursor<{ id: string }>(snapshot, 'unexpected_rows', query, [partitions]);
    await rows.each(({ id }) => report.add({ what, id, field: 'row', expected: null, actual: 'present' }));
    await rows.close();
  }
};
