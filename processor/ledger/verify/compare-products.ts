// processor/ledger/verify/compare-products.ts: compares the products and decisions of a snapshot with the log.
// The products are compared with the reservations of the same snapshot, too.

import { evolveProduct } from '../../../shared/product/product.ts';
import type { Answer } from '../products/product-answers.ts';
import { deltaOf } from '../products/product-requests.ts';
import { answerOf, type LedgerProductRow, productOf } from '../rows.ts';
import type { Differences } from './differences.ts';
import type { LedgerSnapshot, ProductHistory } from './snapshot.ts';

export interface CompareProducts {
  differences: Differences;
  snapshot: LedgerSnapshot;
  history: ProductHistory;
  answers: readonly { answer: Answer; partition: number }[];
}

export const compareProducts = ({ differences, snapshot, history, answers }: CompareProducts): void => {
  const counts = countLines(snapshot);
  const outbox = Map.groupBy(snapshot.requests.filter(({ delivered }) => !delivered).map(answerOf), ({ event }) => event.productId);
  for (const row of snapshot.products) compareProduct({ differences, history, row, undelivered: outbox.get(row.product_id) ?? [], counts });

  const present = new Map(snapshot.products.map((row) => [row.product_id, row.read_version]));
  for (const [id, { version }] of history.atStart) {
    const readVersion = present.get(id);
    if (readVersion === undefined || readVersion < version)
      differences.add({ what: 'product', id, field: 'read_version', expected: version, actual: readVersion ?? null });
  }
  const inLog = new Map(answers.map(({ answer }) => [answer.requestId, answer.event]));
  for (const row of snapshot.requests) {
    const said = inLog.get(row.request_id);
    const thing = { what: 'product_request', id: row.request_id } as const;
    if (said) differences.compare({ ...thing, field: 'event' }, said.id, row.event.id);
    else if (row.delivered) differences.add({ ...thing, field: 'delivered', expected: false, actual: true });
  }
};

interface CompareProduct {
  differences: Differences;
  history: ProductHistory;
  row: LedgerProductRow;
  undelivered: readonly Answer[];
  counts: ReadonlyMap<string, { reserved: number; sold: number }>;
}

const compareProduct = ({ differences, history, row, undelivered, counts }: CompareProduct): void => {
  const { product_id: id } = row;
  const { reserved, sold } = counts.get(id) ?? { reserved: 0, sold: 0 };
  differences.compare({ what: 'product', id, field: 'reserved' }, reserved, row.reserved);
  differences.compare({ what: 'product', id, field: 'sold' }, sold, row.sold);
  const known = productOf(row);
  if (known.product === null) return; // only orders know it
  const read = history.atRead.get(id);
  if (read === undefined) {
    differences.add({ what: 'product', id, field: 'read_version', expected: null, actual: row.read_version });
    return;
  }
  if (row.read_product !== null) differences.compare({ what: 'product', id, field: 'read_product' }, read, known.read);
  let expected = read;
  let unreadIn = 0;
  for (const { event } of undelivered) {
    if (event.kind !== 'fact') continue;
    expected = evolveProduct(expected, event).product!;
    unreadIn += Math.max(0, deltaOf(event));
  }
  for (const field of Object.keys(expected) as (keyof typeof expected)[])
    differences.compare({ what: 'product', id, field }, expected[field], known.product[field]);
  differences.compare({ what: 'product', id, field: 'unread_in' }, unreadIn, row.unread_in);
};

const countLines = ({ reservations }: LedgerSnapshot): Map<string, { reserved: number; sold: number }> => {
  const counts = new Map<string, { reserved: number; sold: number }>();
  for (const { state, lines } of reservations.values()) {
    for (const { product_id: id, quantity } of lines) {
      const count = counts.get(id) ?? { reserved: 0, sold: 0 };
      count[state === 'held' ? 'reserved' : 'sold'] += quantity;
      counts.set(id, count);
    }
  }
  return counts;
};
