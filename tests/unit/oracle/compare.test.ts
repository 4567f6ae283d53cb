// The oracle itself: a clean history passes, and every kind of violation is found when it is put into one.

import { describe, expect, it } from 'vitest';
import { compare } from '../../oracle/compare.ts';
import { VIOLATIONS, type Violation } from '../../oracle/findings.ts';
import type { FrameEntry, SubmissionEntry } from '../../oracle/journal.ts';
import type { RawRecord } from '../../oracle/protocol/batch.ts';
import { ledgerTable } from '../../oracle/table.ts';
import { cleanHistory, command, created, databaseOf, record, renumber, submission } from './history.ts';

type History = ReturnType<typeof cleanHistory>;

/** The log changed, and PostgreSQL as a projector would make it of that. */
const relog = (history: History, change: (records: RawRecord[]) => RawRecord[]): void => {
  history.orders = renumber(change(history.orders));
  history.database = databaseOf(history.orders);
};
const without = (name: string, orderId: string) => (records: RawRecord[]) =>
  records.filter(({ key, headers }) => key !== orderId || headers.ce_type !== `orders.${name}.v1`);
const first = (history: History) => history.journal[0] as SubmissionEntry;
const frame = (type: FrameEntry['type'], version: number): FrameEntry => ({
  kind: 'frame',
  subscription: 'two',
  type,
  orders: [{ orderId: 'a', version }],
});

const CASES: [Violation, string, (history: History) => void][] = [
  ['lost', 'an acknowledged order is not in the log', (h) => relog(h, (all) => all.filter(({ key }) => key !== 'a'))],
  ['lost', 'an acknowledged change is not in the log', (h) => relog(h, without('OrderCancelled', 'b'))],
  [
    'lost',
    'a request that was answered 202 is not in the log',
    (h) => h.journal.push(command('a', 'x.1', { outcome: 'pending', status: 202, order: null })),
  ],
  [
    'lost',
    'a submission that was answered 202 is not in the log',
    (h) => h.journal.push(submission('z', { outcome: 'pending', status: 202 })),
  ],
  [
    'doubled',
    'one key made two orders',
    (h) => {
      relog(h, (all) => [...all, created('c', 'a.2')]);
      first(h).attempts.push('a.2');
    },
  ],
  ['doubled', 'one key was answered with two orders', (h) => first(h).orderIds.push('b')],
  ['doubled', 'two submissions were given one order', (h) => h.journal.push(submission('b', { attempts: ['b.1'] }))],
  ['doubled', 'an order has two rows', (h) => h.database.rows.push(h.database.rows[0]!)],
  ['doubled', 'the archive has an order end twice', (h) => Object.assign(h.database.archive.at(-1)!, { effect: 'applied' })],
  ['doubled', 'the archive has a record twice', (h) => h.database.archive.push(h.database.archive.at(-1)!)],
  [
    'doubled',
    'a request of an unknown order has two answers',
    (h) =>
      relog(h, (all) => [
        ...all,
        record('z', 'OrderCancellationRequested', { correlation: 'z.1', id: 'cancel-z' }),
        ...['one', 'two'].map((id) => record('z', 'OrderRequestRefused', { causation: 'cancel-z', id })),
      ]),
  ],
  ['reordered', 'the archive is not in log order', (h) => void h.database.archive.reverse()],
  [
    'reordered',
    'an order goes on after its end',
    (h) => {
      const [processing, completed] = [h.database.archive[2]!, h.database.archive[5]!];
      [processing.type, completed.type] = [completed.type, processing.type];
    },
  ],
  ['reordered', 'the feed goes back', (h) => h.journal.push(frame('order', 1), frame('order', 2), frame('order', 1))],
  ['reordered', 'the feed repeats', (h) => h.journal.push(frame('order', 1), frame('order', 1))],
  ['reordered', 'the feed has a hole', (h) => h.journal.push(frame('order', 1), frame('order', 3))],
  [
    'reordered',
    'the feed has a hole after a reset and its snapshot',
    (h) => h.journal.push(frame('reset', 1), frame('snapshot', 1), frame('order', 3)),
  ],
  ['misanswered', 'another order id than was chosen', (h) => Object.assign(first(h), { chosen: 'mine' })],
  ['misanswered', 'another amount than was sent', (h) => Object.assign(first(h), { totalMinor: 501 })],
  [
    'misanswered',
    'a change was shown with another status',
    (h) => h.journal.push(command('a', 'x.1', { order: { status: 'cancelled', version: 3, totalMinor: 500 } })),
  ],
  [
    'misanswered',
    'a change was shown with another version than its own',
    (h) => {
      h.journal[2] = command('b', 'cancel.1', { order: { status: 'pending', version: 1, totalMinor: 500 } });
    },
  ],
  ['misanswered', 'an order was made by another submission', (h) => relog(h, (all) => [created('a', 'b.1'), ...all.slice(1)])],
  ['phantom', 'a refused submission made an order', (h) => Object.assign(first(h), { outcome: 'refused', status: 400, orderIds: [] })],
  [
    'phantom',
    'a submission refused with OVERLOADED made an order',
    (h) => Object.assign(first(h), { outcome: 'refused', status: 503, code: 'OVERLOADED', orderIds: [] }),
  ],
  ['phantom', 'a refused command took effect', (h) => Object.assign(h.journal[2]!, { outcome: 'refused', status: 409, order: null })],
  ['phantom', 'an order that nobody asked for', (h) => relog(h, (all) => [...all, created('c', 'nobody')])],
  ['phantom', 'a request that nobody made', (h) => void h.journal.splice(3, 1)],
  ['unanswered', 'a request was never answered', (h) => relog(h, without('OrderRequestRefused', 'b'))],
  ['stuck', 'an order was forgotten', (h) => relog(h, without('OrderCompleted', 'a'))],
  ['illegal', 'an order was completed without processing', (h) => Object.assign(h.database.archive[2]!, { effect: 'void' })],
  ['drift', 'a row is missing', (h) => void h.database.rows.pop()],
  ['drift', 'a row too many', (h) => h.database.rows.push({ ...h.database.rows[0]!, orderId: 'c' })],
  ['drift', 'another status', (h) => Object.assign(h.database.rows[0]!, { status: 'processing' })],
  ['drift', 'another version', (h) => Object.assign(h.database.rows[0]!, { version: 2 })],
  ['drift', 'another total', (h) => Object.assign(h.database.rows[0]!, { totalMinor: 499 })],
  ['drift', 'a duration is negative', (h) => Object.assign(h.database.rows[0]!, { times: [2, 1, 3] })],
  ['drift', 'a counter is wrong', (h) => Object.assign(h.database.counters, { completed: 2 })],
  ['drift', 'the revenue is off by a cent', (h) => Object.assign(h.database.counters, { revenueMinor: 501 })],
  ['drift', 'the archive misses a record', (h) => void h.database.archive.splice(4, 1)],
  ['drift', 'the archive calls a void fact applied', (h) => Object.assign(h.database.archive.at(-1)!, { effect: 'applied' })],
  ['stock', 'units were sold twice', (h) => Object.assign(h.database.products[0]!, { sold: 4 })],
  ['stock', 'units stay reserved', (h) => Object.assign(h.database.products[0]!, { reserved: 2 })],
  ['stock', 'a reservation stays held', (h) => h.database.held.push('a')],
  ['stock', 'more was sold than was there', (h) => Object.assign(h.products[0]!, { value: '{"stock":1}' })],
  [
    'stock',
    'an order took less than it asked for',
    (h) =>
      relog(h, (all) =>
        all.map((each) =>
          each.headers.ce_type === 'orders.OrderProcessing.v1'
            ? { ...each, value: '{"reserved":[{"product_id":"lamp","quantity":1}]}' }
            : each,
        ),
      ),
  ],
  ['stale', 'an acknowledged order was not found', (h) => h.journal.push({ kind: 'read', orderId: 'a', version: 1, seen: null })],
  ['stale', 'an acknowledged change was not shown', (h) => h.journal.push({ kind: 'read', orderId: 'b', version: 2, seen: 1 })],
  [
    'stale',
    'a command was told that there is no such order',
    (h) => h.journal.push(command('a', 'x.1', { outcome: 'refused', status: 404, code: 'ORDER_NOT_FOUND', order: null })),
  ],
  ['defect', 'an answer was 500', (h) => h.journal.push(command('a', 'x.1', { outcome: 'unknown', status: 500, order: null }))],
];

describe('the oracle', () => {
  it('finds nothing in a clean history, and counts it', () => {
    const { violations, ...counts } = compare(cleanHistory());
    expect(violations).toEqual([]);
    expect(counts).toMatchObject({ accepted: 2, completed: 1, cancelled: 1, rejected: 0, open: 0, requests: 2, void: 1, records: 9 });
  });

  it.each(CASES)('finds %s: %s', (violation, _what, change) => {
    const history = cleanHistory();
    change(history);
    expect(compare(history).violations).toContainEqual(expect.stringMatching(`^${violation}: `));
  });

  it('is shown every kind of violation', () => {
    expect(new Set(CASES.map(([violation]) => violation))).toEqual(new Set(Object.keys(VIOLATIONS)));
  });

  it('lets a submission of unknown outcome have landed or not', () => {
    const history = cleanHistory();
    Object.assign(first(history), { outcome: 'unknown', status: 503, orderIds: [] });
    history.journal.push(submission('z', { outcome: 'unknown', status: null, orderIds: [] }));
    expect(compare(history)).toMatchObject({ violations: [], accepted: 1, unknownLanded: 1, unknownAbsent: 1 });
  });

  it('counts what is oversold, and forgives it only where the ledger has lost commits', () => {
    const history = cleanHistory();
    const oversold = { ...history, products: [] as typeof history.products };
    const { violations, oversold: units } = compare(oversold);
    expect(units).toBeGreaterThan(0);
    expect(violations).toContainEqual(expect.stringMatching(/is oversold by/));
    const forgiven = compare({ ...oversold, mayOversell: true });
    expect(forgiven.oversold).toBe(units);
    expect(forgiven.violations).not.toContainEqual(expect.stringMatching(/is oversold by/));
  });

  it('lets a record that is no event have no effect', () => {
    const history = cleanHistory();
    const tombstone = { ...created('c', 'nobody'), value: null };
    const strangers = [tombstone, { ...created('c', 'nobody'), headers: {} }, record('c', 'OrderInvented', { version: 1 })];
    relog(history, (all) => [...strangers, ...all]);
    expect(compare(history).violations).toEqual([]);
  });

  it('lets the feed start again after a reset', () => {
    const history = cleanHistory();
    history.journal.push(frame('order', 1), frame('reset', 1), frame('snapshot', 3), frame('order', 4));
    expect(compare(history).violations).toEqual([]);
  });

  it('prints the sum that must hold, and what was found', () => {
    const history = cleanHistory();
    history.database.rows.pop();
    const table = ledgerTable(compare(history));
    expect(table).toContain('accepted 2 = completed 1 + cancelled 1 + rejected 0 + open 0');
    expect(table).toContain('! drift: order b has no row');
  });
});
