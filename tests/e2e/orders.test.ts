// One order end to end as the clients of the old services send it, on real processes, a real broker and a real database.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { eventually } from '../support/eventually.ts';
import { type Service, startService } from '../support/stack/service/service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService({ PROCESSING_TIME_MS: '300' });
});
afterAll(() => service.stop());

describe('the requests of the services that this one replaces', () => {
  it.each([
    ['Gin + MySQL', '/api/orders', { user_id: 101, item_ids: '5,6,7', total_amount: 299.99 }, ['5', '6', '7']],
    ['FastAPI, in a changed client', '/orders', { user_id: 'user123', item_ids: [101, 102], total_amount: 250.75 }, ['101', '102']],
    ['Flask', '/orders/', { user_id: 1, order_id: 'ORD001', item_ids: [101, 102, 103], total_amount: 59.99 }, ['101', '102', '103']],
  ] as const)('%s: the order is accepted, processed and completed, with its durations', async (_name, path, body, itemIds) => {
    const posted = await service.post(body, {}, path);
    expect(posted.status).toBe(201);
    expect(posted.body).toMatchObject({ message: 'Order created', order: { status: 'pending', version: 1, item_ids: itemIds } });
    const id = posted.body.order_id as string;
    expect(posted.headers.get('location')).toBe(`${path.startsWith('/api') ? '/api' : ''}/orders/${id}`);
    if ('order_id' in body) expect(id).toBe(body.order_id);

    const order = await service.completed(id);
    expect(order).toMatchObject({ user_id: String(body.user_id), total_amount: body.total_amount, version: 3, currency: 'USD' });
    expect(order.processing_duration).toBeGreaterThanOrEqual(0.3);
    expect(order.total_duration).toBeGreaterThanOrEqual(order.processing_duration as number);
  });

  it('FastAPI: the order is accepted, and its status asked for until it is Completed, in the words of that service', async () => {
    const posted = await service.post({ user_id: 'user123', item_ids: [101, 102], total_amount: 250.75 }, {}, '/order');
    expect(posted.status).toBe(200);
    expect(posted.body).toEqual({ order_id: expect.any(String), order_status: 'Pending' });
    const last = await eventually(
      async () => {
        const { body } = await service.get(`/order/${posted.body.order_id}`);
        return body.order_status === 'Completed' ? body : undefined;
      },
      { what: 'the order to be Completed' },
    );
    expect(last).toEqual({ order_id: posted.body.order_id, order_status: 'Completed' });
  });

  it('refuses a taken order_id with 409', async () => {
    const body = { user_id: 1, order_id: 'ORD-TWICE', item_ids: [1], total_amount: 1 };
    expect((await service.post(body)).status).toBe(201);
    const again = await service.post(body);
    expect(again.status).toBe(409);
    expect(again.body).toMatchObject({ code: 'ORDER_ID_TAKEN' });
  });
});

describe('the life of one order', () => {
  it('can be followed in the audit trail, from the log', async () => {
    const { body } = await service.post({ user_id: 7, item_ids: [1, 1, 2], total_amount: 10 });
    const id = body.order_id as string;
    const fresh = await service.get(`/orders/${id}/events`);
    expect((fresh.body.events as { type: string }[])[0]).toMatchObject({ type: 'orders.OrderCreated.v1', effect: 'applied', version: 1 });
    await service.completed(id);
    const { events } = (await service.get(`/orders/${id}/events`)).body as { events: { type: string; position: { offset: number } }[] };
    expect(events.map(({ type }) => type)).toEqual(['orders.OrderCreated.v1', 'orders.OrderProcessing.v1', 'orders.OrderCompleted.v1']);
    expect(events.map(({ position }) => position.offset)).toEqual(events.map(({ position }) => position.offset).toSorted((a, b) => a - b));
  });

  it('is seen status by status on the feed', async () => {
    const socket = new WebSocket(`${service.roles.api.url.replace('http', 'ws')}/feed`);
    const frames: Record<string, unknown>[] = [];
    socket.on('message', (data) => frames.push(JSON.parse(String(data)) as Record<string, unknown>));
    await eventually(() => frames.some(({ type }) => type === 'subscribed'), { what: 'the subscribed frame' });
    const { body } = await service.post({ user_id: 8, item_ids: [1], total_amount: 1 });
    const mine = () => frames.filter(({ type, order_id }) => type === 'order' && order_id === body.order_id);
    await eventually(() => mine().length === 3, { what: 'three frames of the order' });
    socket.close();
    expect(mine().map(({ previous_status, status }) => [previous_status, status])).toEqual([
      [null, 'pending'],
      ['pending', 'processing'],
      ['processing', 'completed'],
    ]);
    for (const frame of mine()) expect(frame).toMatchObject({ user_id: '8', cursor: expect.any(String), at: expect.any(String) });
  });

  it('is in the list, the JSON metrics and the Prometheus metrics once the projector has stored it', async () => {
    const { body, headers } = await service.post({ user_id: 'metrics-user', item_ids: [42], total_amount: 12.34 });
    const token = headers.get('consistency-token');
    const { body: list } = await service.get(`/orders?user_id=metrics-user&after=${token}`);
    expect((list.orders as { order_id: string }[]).map(({ order_id }) => order_id)).toEqual([body.order_id]);
    await service.completed(body.order_id as string);
    await eventually(async () => ((await service.get('/orders/metrics')).body.pending_orders as number) === 0, {
      what: 'no pending order',
    });
    const metrics = (await service.get('/orders/metrics?order_ids=true')).body;
    expect(metrics).toMatchObject({ currency: 'USD', orders: { completed: { truncated: false } } });
    expect(metrics.total_orders).toBe(
      ['pending', 'processing', 'completed', 'cancelled', 'rejected'].reduce(
        (sum, status) => sum + (metrics[`${status}_orders`] as number),
        0,
      ),
    );
    for (const role of Object.values(service.roles)) {
      const text = await (await fetch(`${role.url}/metrics`)).text();
      expect(text).toContain('build_info{');
    }
  });
});

describe('bad input', () => {
  it('is refused with a code, and no record is written', async () => {
    const before = (await service.get('/orders?limit=500')).body.orders as unknown[];
    const refused = await service.post({ user_id: 1, item_ids: [1], total_amount: 1e300 });
    expect(refused.status).toBe(400);
    expect(refused.headers.get('content-type')).toContain('application/problem+json');
    expect(refused.body).toMatchObject({ code: 'VALIDATION_FAILED', status: 400, request_id: refused.headers.get('x-request-id') });
    expect((await service.post('{"user_id":')).body).toMatchObject({ code: 'MALFORMED_JSON' });
    expect((await service.get('/orders?limit=500')).body.orders).toHaveLength(before.length);
  });
});
