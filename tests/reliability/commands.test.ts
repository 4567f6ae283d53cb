// Goal: a command has one answer, it agrees with the log, and it is heard by whoever asked. Method: real processes; orders that
// are cancelled while they complete, while all places are taken, and while no processor runs.

import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type OrderBody, type Service, startService } from '../support/stack/service.ts';

interface EventBody {
  type: string;
  effect: string;
  causation_id: string | null;
  id: string;
}

const body = { user_id: 1, item_ids: [1, 2], total_amount: 3 };
const submit = async (service: Service): Promise<string> => {
  const { status, body: answer } = await service.post(body);
  expect(status).toBe(201);
  return answer.order_id as string;
};
const order = async (service: Service, id: string): Promise<OrderBody> => (await service.get(`/orders/${id}`)).body as unknown as OrderBody;
const applied = async (service: Service, id: string): Promise<string[]> => {
  const { events } = (await service.get(`/orders/${id}/events`)).body as unknown as { events: EventBody[] };
  return events.filter(({ effect }) => effect === 'applied').map(({ type }) => type.split('.')[1]!);
};
const RACES = 300;
const RACES_AT_ONCE = 10; // fewer than would queue, or completion would always be first
const CREATED_CANCELLED = ['OrderCreated', 'OrderCancelled'];

describe('a cancellation that races completion', () => {
  let service: Service;
  beforeAll(async () => {
    service = await startService({ PROCESSING_TIME_MS: '50' });
  });
  afterAll(() => service?.stop());

  it('ends in exactly one of the two, and the answer agrees with the log', async () => {
    // Each order is submitted and cancelled by itself, the cancellation a little later from one to the next: from before its
    // start to after its end, so that the race is run at every point and won by both.
    const late = (i: number) => (i % 30) * 8; // ms
    const answers: { id: string; status: number }[] = [];
    for (let i = 0; i < RACES; i += RACES_AT_ONCE) {
      const together = Array.from({ length: RACES_AT_ONCE }, async (_, j) => {
        const id = await submit(service);
        await setTimeout(late(i + j));
        return { id, status: (await service.post({}, {}, `/orders/${id}/cancel`)).status };
      });
      answers.push(...(await Promise.all(together)));
    }
    for (const { id, status } of answers) {
      expect(status, id).toBeOneOf([200, 409]);
      await eventually(async () => ['completed', 'cancelled'].includes((await order(service, id)).status), { what: `the end of ${id}` });
      const facts = await applied(service, id);
      if (status === 200) expect(facts.at(-1), id).toBe('OrderCancelled');
      else expect(facts, id).toEqual(['OrderCreated', 'OrderProcessing', 'OrderCompleted']);
      expect(facts.filter((name) => name === 'OrderCancelled' || name === 'OrderCompleted')).toHaveLength(1);
    }
    const cancelled = answers.filter(({ status }) => status === 200).length;
    expect(cancelled, 'races that the cancellation won').toBeGreaterThan(RACES / 20);
    expect(RACES - cancelled, 'races that completion won').toBeGreaterThan(RACES / 20);
  });
});

describe('while all places are taken', () => {
  let service: Service;
  beforeAll(async () => {
    service = await startService({ PROCESSING_TIME_MS: '60000', PROCESSOR_CONCURRENCY: '1' });
  });
  afterAll(() => service?.stop());

  it('an order that waits is cancelled, amended and bound to its version without being processed', async () => {
    const first = await submit(service);
    await eventually(async () => (await order(service, first)).status === 'processing', { what: 'the first order to take the place' });
    const second = await submit(service);
    const amended = await fetch(`${service.roles.api.url}/orders/${second}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json', 'if-match': '"v1"' },
      body: JSON.stringify({ items: [{ product_id: 9, unit_price: 4 }], total_amount: 4 }),
    });
    expect(amended.status).toBe(200);
    expect(amended.headers.get('etag')).toBe('"v2"');
    const amendment = (await amended.json()) as { order: OrderBody };
    expect(amendment).toMatchObject({ order: { status: 'pending', total_amount: 4, item_ids: ['9'] } });
    expect((await service.post({}, { 'if-match': '"v1"' }, `/orders/${second}/cancel`)).body).toMatchObject({ code: 'VERSION_MISMATCH' });
    const cancelled = await service.post({ reason: 'no hurry' }, { 'if-match': '"v2"' }, `/orders/${second}/cancel`);
    expect(cancelled.body).toMatchObject({ order: { status: 'cancelled', version: 3, reason: 'no hurry', processing_started_at: null } });
    expect(await applied(service, second)).toEqual(['OrderCreated', 'OrderAmended', 'OrderCancelled']);
    const then = await service.get(`/orders/${second}?at=${amendment.order.updated_at}`);
    expect(then.body).toMatchObject({ status: 'pending', version: 2, total_amount: 4 });
  });

  it('an order is completed by hand, and the freed place goes to the next', async () => {
    const waiting = await submit(service);
    const [busy] = ((await service.get('/orders?status=processing')).body as unknown as { orders: OrderBody[] }).orders;
    const put = (id: string, status: string) =>
      fetch(`${service.roles.api.url}/orders/${id}/status`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ status }),
      });
    expect((await put(waiting, 'completed')).status).toBe(409); // the lifecycle leads over processing
    const done = await put(busy!.order_id, 'completed');
    expect(await done.json()).toMatchObject({ message: 'Order status updated successfully', order: { status: 'completed' } });
    await eventually(async () => (await order(service, waiting)).status === 'processing', { what: 'the next order to take the place' });
  });
});

describe('while no processor runs', () => {
  let service: Service;
  beforeAll(async () => {
    service = await startService({ PROCESSING_TIME_MS: '60000', DECISION_WAIT_MS: '200' });
  });
  afterAll(() => service?.stop());

  it('a request is 202, and is answered by the next processor before the order is started', async () => {
    service.roles.processor.kill('SIGKILL');
    await service.roles.processor.exited;
    const id = await submit(service);
    const asked = await service.post({}, {}, `/orders/${id}/cancel`);
    expect(asked).toMatchObject({ status: 202, body: { order_id: id, request_id: expect.any(String) } });
    const again = await service.post({}, {}, `/orders/${id}/cancel`);
    const location = (answer: typeof asked) => answer.headers.get('location')!;
    expect((await service.get(location(asked))).body).toMatchObject({ state: 'pending', code: null });
    service.roles.processor = await service.start('processor');
    const ended = (answer: typeof asked) =>
      eventually(
        async () => {
          const state = (await service.get(location(answer))).body;
          return state.state === 'pending' ? undefined : state;
        },
        { what: 'the answer of the next processor' },
      );
    expect(await ended(asked)).toMatchObject({ state: 'applied', code: null, order_id: id });
    expect(await ended(again)).toMatchObject({ state: 'refused', code: 'ILLEGAL_TRANSITION' });
    expect(await applied(service, id)).toEqual(CREATED_CANCELLED);
  });
});
