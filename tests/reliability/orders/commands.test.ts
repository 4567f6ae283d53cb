// Goal: a command has one answer, it agrees with the log, and it is heard by whoever asked. Method: real processes; orders that
// are cancelled while they complete, while all places are taken, and while no processor runs.

import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { type FulfilmentEndpoint, startFulfilmentEndpoint } from '../../support/faults/fulfilment-endpoint.ts';
import { patience } from '../../support/machine.ts';
import { type OrderBody, type Service, startService } from '../../support/stack/service/service.ts';

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
const RACES_AT_ONCE = 10;
const WON_MIN = RACES / 20; // by each side
const STEP_MS = 4;
const CREATED_CANCELLED = ['OrderCreated', 'OrderCancelled'];

describe('a cancellation that races completion', () => {
  let endpoint: FulfilmentEndpoint;
  let service: Service;
  beforeAll(async () => {
    endpoint = await startFulfilmentEndpoint();
    service = await startService({ FULFILMENT: 'http', FULFILMENT_URL: endpoint.url, FULFILMENT_TIMEOUT_MS: String(patience(5_000)) });
  });
  afterAll(async () => {
    await service?.stop();
    endpoint?.stop();
  });

  interface Answer {
    id: string;
    status: number;
  }
  const cancel = async (id: string): Promise<Answer> => ({ id, status: (await service.post({}, {}, `/orders/${id}/cancel`)).status });
  const together = (race: (n: number) => Promise<Answer>): Promise<Answer[]> =>
    Promise.all(Array.from({ length: RACES_AT_ONCE }, (_, n) => race(n)));

  it('ends in exactly one of the two, and the answer agrees with the log', async () => {
    // The cancellation comes a little later from one order to the next: from before its start on.
    endpoint.behave(() => 200);
    const answers: Answer[] = [];
    while (answers.length < RACES / 2) {
      const first = answers.length;
      answers.push(
        ...(await together(async (n) => {
          const id = await submit(service);
          await setTimeout(((first + n) % 30) * STEP_MS);
          return cancel(id);
        })),
      );
    }
    // The rest is run at the line, wherever it is on this machine: fulfilment is held until both are ready, and whoever lost the last
    // round starts earlier in the next.
    endpoint.behave(() => 'hold');
    let cancelLaterMs = 0;
    const won = { cancellation: 0, completion: 0 };
    while (answers.length < RACES || Math.min(won.cancellation, won.completion) < WON_MIN) {
      const round = await together(async () => {
        const id = await submit(service);
        await eventually(() => endpoint.calls(id) > 0, { what: `fulfilment of ${id} to be asked for` });
        const [answer] = await Promise.all([
          setTimeout(Math.max(cancelLaterMs, 0)).then(() => cancel(id)),
          setTimeout(Math.max(-cancelLaterMs, 0)).then(() => endpoint.release(id)),
        ]);
        return answer;
      });
      const cancelled = round.filter(({ status }) => status === 200).length;
      won.cancellation += cancelled;
      won.completion += RACES_AT_ONCE - cancelled;
      cancelLaterMs += (cancelled / RACES_AT_ONCE > 0.5 ? 1 : -1) * STEP_MS;
      answers.push(...round);
    }
    for (const { id, status } of answers) {
      expect(status, id).toBeOneOf([200, 409]);
      await eventually(async () => ['completed', 'cancelled'].includes((await order(service, id)).status), { what: `the end of ${id}` });
      const facts = await applied(service, id);
      if (status === 200) expect(facts.at(-1), id).toBe('OrderCancelled');
      else expect(facts, id).toEqual(['OrderCreated', 'OrderProcessing', 'OrderCompleted']);
      expect(facts.filter((name) => name === 'OrderCancelled' || name === 'OrderCompleted')).toHaveLength(1);
    }
    process.stdout.write(`commands | races at the line: ${won.cancellation} won by the cancellation, ${won.completion} by completion\n`);
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
