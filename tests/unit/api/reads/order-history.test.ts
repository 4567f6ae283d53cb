// The history of one order, put together from the archive and the tail.

import { describe, expect, it } from 'vitest';
import { createOrderEvents } from '../../../../api/reads/order-history.ts';
import { createTailPartition, fold, type LoggedEvent } from '../../../../api/reads/tail-memory.ts';
import type { OrderEvent } from '../../../../shared/order/events.ts';
import { evolve, type Order } from '../../../../shared/order/order.ts';
import { created, event } from '../../../support/builders/order-events.ts';

const ID = 'o-1';
const refusal = () => event('OrderRequestRefused', ID, { causationId: 'r-1' });
const ENDED: OrderEvent[] = [created(ID), event('OrderCancelled', ID, { version: 2 }), event('OrderRedriveRequested', ID, { id: 'r-1' })];

/** Has nothing that is not stored. */
const TAIL = { unstoredEvents: () => [], checkpoint: () => 0, reset: async () => {} };

const archiveOf = (log: readonly LoggedEvent[], checkpoint = 0) => ({
  events: async (_: unknown, from: number, limit: number) => ({
    checkpoint,
    events: log.filter(({ offset }) => offset >= from).slice(0, limit),
  }),
  archiveStart: async () => 0,
});

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
    tail: { ...TAIL, unstoredEvents: (id) => memory.unstoredByOrder.get(id) ?? [] },
    readModel: archiveOf(all.slice(0, stored)),
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

describe('the history of an order whose beginning is not in the archive', () => {
  const log = ENDED.map((each, offset): LoggedEvent => ({ event: each, effect: 'applied', partition: 0, offset }));
  const stage = { order: evolve(null, ENDED[0]!).order!, partition: 0, createdOffset: 0, lastOffset: 1 };
  const eventsFrom = (kept: number, archiveFrom: number) =>
    createOrderEvents({
      tail: TAIL,
      readModel: { ...archiveOf(log.slice(kept)), archiveStart: async () => archiveFrom },
    });

  it.each([
    ['HISTORY_DROPPED', 'was dropped', 1, 1],
    ['HISTORY_DROPPED', 'was dropped with all the rest', 3, 10],
    ['DATABASE_UNAVAILABLE', 'is missing, because the archive went back', 1, 0],
  ])('is never told in part: %s where it %s', async (code, _, kept, archiveFrom) => {
    const events = eventsFrom(kept, archiveFrom);
    for (const ask of [
      () => events.page(stage, 0, 1),
      () => events.page(stage, 0, 100),
      () => events.asOf(stage, Number.MAX_SAFE_INTEGER),
      () => events.requestOf(stage, 'r-1'),
      () => events.creationOf(stage),
    ])
      await expect(ask()).rejects.toMatchObject({ code });
  });

  it('is not told from an archive that went back below what memory has forgotten (R8)', async () => {
    const resets: string[] = [];
    const tail = { ...TAIL, checkpoint: () => 3, reset: async () => void resets.push('reset') };
    const { page } = createOrderEvents({ tail, readModel: archiveOf(log.slice(0, 2), 2) });
    await expect(page(stage, 0, 100)).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    expect(resets).toEqual(['reset']);
  });

  it('goes on from a cursor: what came before was told already', async () => {
    expect((await eventsFrom(1, 1).page(stage, 1, 100)).map(({ offset }) => offset)).toEqual([1, 2]);
  });
});

describe('a request', () => {
  const request = event('OrderCancellationRequested', ID, { id: 'r-1' });
  const answerOf = async (log: readonly OrderEvent[]) => {
    let order: Order | null = null;
    const logged = log.map((each, offset): LoggedEvent => {
      const evolved = evolve(order, each);
      order = evolved.order;
      return { event: each, effect: evolved.effect, partition: 0, offset };
    });
    const { requestOf } = createOrderEvents({
      tail: TAIL,
      readModel: archiveOf(logged),
    });
    const found = await requestOf({ order: order!, partition: 0, createdOffset: 0, lastOffset: log.length - 1 }, 'r-1');
    return found && { asked: found.place.offset, answered: found.answer?.place.offset ?? null };
  };

  it('has no answer before one is read', async () => {
    expect(await answerOf([created(ID)])).toBeNull();
    expect(await answerOf([created(ID), request])).toEqual({ asked: 1, answered: null });
    expect(await answerOf([created(ID), request, refusal(), refusal()])).toEqual({ asked: 1, answered: 2 });
  });

  it('that was lost and given back behind its answer has that answer', async () => {
    expect(await answerOf([created(ID), refusal(), request, refusal()])).toEqual({ asked: 2, answered: 1 });
  });
});
