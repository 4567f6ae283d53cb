// The history of one order, put together from the archive and the tail.

import { describe, expect, it } from 'vitest';
import { createOrderEvents } from '../../../api/order-events.ts';
import { createTailPartition, fold, type LoggedEvent } from '../../../api/tail-memory.ts';
import type { OrderEvent } from '../../../shared/order/events.ts';
import { evolve, type Order } from '../../../shared/order/order.ts';
import { created, event } from '../../support/order-events.ts';

const ID = 'o-1';
const refusal = () => event('OrderRequestRefused', ID, { causationId: 'r-1' });
const ENDED: OrderEvent[] = [created(ID), event('OrderCancelled', ID, { version: 2 }), event('OrderRedriveRequested', ID, { id: 'r-1' })];

/** The archive has the log up to `stored`; the tail began there, when the order had ended. `row`: where the row was read. */
const historyOf = async (log: readonly OrderEvent[], stored: number, row = stored): Promise<string[]> => {
  let order: Order | null = null;
  let inRow: Order | null = null;
  const all = log.map((each, offset): LoggedEvent => {
    const evolved = evolve(order, each);
    order = evolved.order;
    if (offset < row) inRow = order;
    return { event: each, effect: evolved.effect, partition: 0, offset };
  });
  const memory = createTailPartition(0, stored, 0, []);
  for (const each of log.slice(stored)) fold(memory, each, new Map());
  const { page } = createOrderEvents({
    tail: { unstoredEvents: (id) => memory.unstoredByOrder.get(id) ?? [] },
    readModel: {
      events: async (_, from, limit) =>
        all
          .slice(0, stored)
          .filter(({ offset }) => offset >= from)
          .slice(0, limit),
    },
  });
  const stage = { order: inRow!, partition: 0, createdOffset: 0, lastOffset: row - 1 };
  const [told, expected] = [await page(stage, 0, 100), all];
  expect(told.map(({ offset, effect }) => `${offset} ${effect}`)).toEqual(expected.map(({ offset, effect }) => `${offset} ${effect}`));
  return told.map(({ effect }) => effect);
};

describe('the history of an order that memory has forgotten', () => {
  it('tells the first refusal of a request, and passes over its copies', async () => {
    expect((await historyOf([...ENDED, refusal(), refusal()], ENDED.length)).slice(-2)).toEqual(['refusal', 'void']);
  });

  it('passes over a copy of a refusal that the row knows', async () => {
    expect((await historyOf([...ENDED, refusal(), refusal()], ENDED.length + 1)).slice(-2)).toEqual(['refusal', 'void']);
  });

  it('passes over a copy of a refusal that was archived after the row was read', async () => {
    expect((await historyOf([...ENDED, refusal(), refusal()], ENDED.length + 1, ENDED.length)).slice(-2)).toEqual(['refusal', 'void']);
  });
});
