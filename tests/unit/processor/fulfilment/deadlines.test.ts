import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createDeadlines } from '../../../../processor/fulfilment/deadlines.ts';
import { reportDueAt, reportWaitMs } from '../../../../processor/fulfilment/fulfilment.ts';
import { evolve, type Order } from '../../../../shared/order/order.ts';
import { systemClock } from '../../../../shared/runtime/clock.ts';
import { created, fact, T0 } from '../../../support/builders/order-events.ts';

const DAY_MS = 86_400_000;
const GAP_MS = 250;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const open = () => {
  const deadlines = createDeadlines(systemClock);
  const passed: string[] = [];
  const owners = new Map<string, object>();
  const set = (name: string, waitMs: number): void => {
    const owner = owners.get(name) ?? {};
    owners.set(name, owner);
    deadlines.set(owner, waitMs, () => passed.push(name));
  };
  return { set, clear: (name: string) => deadlines.clear(owners.get(name)!), passed };
};

it('tells each deadline that has passed, once, and no other', () => {
  const { set, passed } = open();
  set('month', 30 * DAY_MS);
  set('week', 7 * DAY_MS);
  set('day', DAY_MS);
  set('now', 0);
  vi.advanceTimersByTime(1);
  expect(passed).toEqual(['now']);
  vi.advanceTimersByTime(DAY_MS - 2);
  expect(passed).toEqual(['now']);
  vi.advanceTimersByTime(1 + GAP_MS);
  expect(passed).toEqual(['now', 'day']);
  vi.advanceTimersByTime(365 * DAY_MS);
  expect(passed).toEqual(['now', 'day', 'week', 'month']);
});

it('tells nothing of one that was cleared, or put off', () => {
  const { set, clear, passed } = open();
  set('cleared', DAY_MS);
  set('put off', DAY_MS);
  set('kept', DAY_MS);
  clear('cleared');
  set('put off', 3 * DAY_MS);
  vi.advanceTimersByTime(2 * DAY_MS);
  expect(passed).toEqual(['kept']);
  vi.advanceTimersByTime(2 * DAY_MS);
  expect(passed).toEqual(['kept', 'put off']);
});

it('keeps one timer, however many deadlines there are', () => {
  const { set, clear } = open();
  for (let n = 0; n < 1_000; n += 1) set(`o-${n}`, DAY_MS + n);
  for (let n = 0; n < 1_000; n += 1) clear(`o-${n}`);
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(2 * DAY_MS);
  expect(vi.getTimerCount()).toBe(0);
});

it('lets a deadline be set while others are told', () => {
  const deadlines = createDeadlines(systemClock);
  let times = 0;
  const again = (): void => {
    times += 1;
    deadlines.set(again, DAY_MS, again);
  };
  deadlines.set(again, DAY_MS, again);
  vi.advanceTimersByTime(3.5 * DAY_MS);
  expect(times).toBe(3);
});

it('waits for a report from its acceptance on, and never longer than the whole time (R10)', () => {
  const events = [
    created('o'),
    fact('OrderProcessing', 'o', 2, 'pending'),
    fact('OrderFulfilmentAccepted', 'o', 3, 'processing', { time: T0 + DAY_MS }),
  ];
  const order = events.reduce<Order | null>((before, event) => evolve(before, event).order, null)!;
  const dueAt = T0 + 8 * DAY_MS;
  expect(reportDueAt(order, 7 * DAY_MS)).toBe(dueAt);
  expect(reportDueAt({ ...order, accepted: null }, 7 * DAY_MS)).toBe(Infinity);
  expect(reportWaitMs(order, 7 * DAY_MS, T0 + 2 * DAY_MS)).toBe(6 * DAY_MS);
  expect(reportWaitMs(order, 7 * DAY_MS, dueAt + 1)).toBe(0);
  expect(reportWaitMs(order, 7 * DAY_MS, T0 - DAY_MS)).toBe(7 * DAY_MS);
});
