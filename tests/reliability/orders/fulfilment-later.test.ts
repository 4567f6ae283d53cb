// Goal: an order that its endpoint accepts waits for the report, over a killed processor, and is not sent again; what nobody reports is parked.
// Method: real processes with access control, an endpoint that answers 202, and a fulfiller that reports through the api.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { uniqueName } from '../../support/builders/unique-name.ts';
import { eventually } from '../../support/eventually.ts';
import { type FulfilmentEndpoint, startFulfilmentEndpoint } from '../../support/faults/fulfilment-endpoint.ts';
import { basic } from '../../support/in-memory/accounts.ts';
import { ordersCli } from '../../support/stack/service/orders-cli.ts';
import { startRole } from '../../support/stack/service/role-process.ts';
import { type OrderBody, type Service, startService } from '../../support/stack/service/service.ts';

let endpoint: FulfilmentEndpoint;
let service: Service;
let operator: Record<string, string>;
let fulfiller: Record<string, string>;
beforeAll(async () => {
  endpoint = await startFulfilmentEndpoint();
  service = await startService({
    FULFILMENT: 'http',
    FULFILMENT_URL: endpoint.url,
    AUTH: 'required',
    JWT_SECRET: 'thirty-two bytes and a few more of them',
  });
  [operator, fulfiller] = [await clientOf('operator'), await clientOf('fulfiller')];
});
afterAll(async () => {
  await service?.stop();
  endpoint?.stop();
});

const clientOf = async (role: string): Promise<Record<string, string>> => {
  const { stdout } = await ordersCli(['--json', 'create-client', '--name', role, '--role', role], service.env);
  const { client_id: id, client_secret: secret } = JSON.parse(stdout) as { client_id: string; client_secret: string };
  return { authorization: basic(id, secret) };
};
const submit = async (): Promise<string> => {
  const id = uniqueName('o');
  expect(await service.post({ order_id: id, user_id: 1, item_ids: [1], total_amount: 3 }, operator)).toMatchObject({ status: 201 });
  return id;
};
const get = async <T>(path: string): Promise<T> =>
  (await (await fetch(`${service.roles.api.url}${path}`, { headers: operator })).json()) as T;
const order = (id: string): Promise<OrderBody> => get(`/orders/${id}`);
const eventTypes = async (id: string): Promise<string[]> =>
  (await get<{ events: { type: string }[] }>(`/orders/${id}/events`)).events.map(({ type }) => type.split('.')[1]!);
const accepted = (id: string, times = 1): Promise<true | undefined> =>
  eventually(async () => (await eventTypes(id)).filter((type) => type === 'OrderFulfilmentAccepted').length === times || undefined, {
    what: `${id} to be accepted`,
  });
const parked = (id: string): Promise<OrderBody> =>
  eventually(async () => ((await order(id)).parked === null ? undefined : order(id)), { what: `${id} to be parked` });
const report = (id: string, body: object, headers: Record<string, string> = {}) =>
  service.post(body, { ...fulfiller, ...headers }, `/orders/${id}/fulfilment`);
/** Another processor in the place of the one that is killed. */
const replaceProcessor = async (env: Record<string, string> = {}): Promise<void> => {
  service.roles.processor.kill('SIGKILL');
  await service.roles.processor.exited;
  service.roles.processor = await startRole('processor', { ...service.env, ...env });
};

describe('an order that its endpoint has accepted', () => {
  it('waits for the report over a killed processor, and is sent once', async () => {
    endpoint.behave(() => ({ accepts: { reference: 'job-7' } }));
    const id = await submit();
    await accepted(id);
    await replaceProcessor();
    expect(await order(id)).toMatchObject({ status: 'processing', version: 3, parked: null });
    expect(await report(id, { outcome: 'done', reference: 'job-8' })).toMatchObject({ status: 409, body: { code: 'REFERENCE_MISMATCH' } });
    const completed = { status: 200, body: { message: 'Fulfilment reported', order: { status: 'completed', version: 4 } } };
    expect(await report(id, { outcome: 'done', reference: 'job-7' })).toMatchObject(completed);
    expect(await report(id, { outcome: 'done', reference: 'job-7' })).toMatchObject(completed);
    expect(await report(id, { outcome: 'failed' })).toMatchObject({ status: 409, body: { code: 'ILLEGAL_TRANSITION' } });
    expect(endpoint.calls(id)).toBe(1);
  });

  it('is parked when a failure is reported, and sent again when it is redriven', async () => {
    endpoint.behave((_, call) => (call === 1 ? { accepts: {} } : 200));
    const id = await submit();
    await accepted(id);
    const failure = { outcome: 'failed', code: 'OUT_OF_PACKAGING', detail: 'No box of this size.' };
    const key = { 'idempotency-key': 'job-9' };
    const first = await report(id, failure, key);
    expect(first).toMatchObject({ status: 200, body: { order: { parked: { code: 'OUT_OF_PACKAGING', attempts: 0 } } } });
    expect(endpoint.calls(id)).toBe(1);
    expect(await service.post({}, operator, `/orders/${id}/redrive`)).toMatchObject({ status: 200 });
    await eventually(async () => (await order(id)).status === 'completed', { what: 'the redriven order to be completed' });
    expect(endpoint.calls(id)).toBe(2);
    expect((await report(id, failure, key)).body).toEqual(first.body);
  });

  it('is parked when nobody reports in time, by whichever processor has it; a late report completes it', async () => {
    endpoint.behave(() => ({ accepts: { reference: 'late' } }));
    const id = await submit();
    await accepted(id);
    await replaceProcessor({ FULFILMENT_DEADLINE_MS: '1000' });
    expect(await parked(id)).toMatchObject({ status: 'processing', parked: { code: 'FULFILMENT_OVERDUE', attempts: 0 } });
    expect(endpoint.calls(id)).toBe(1);
    expect(await report(id, { outcome: 'done', reference: 'late' })).toMatchObject({
      status: 200,
      body: { order: { status: 'completed' } },
    });
  });

  it('can be reported by its fulfiller, who may do nothing else', async () => {
    const id = await submit();
    for (const path of [`/orders/${id}`, `/orders/${id}/events`, '/orders', '/orders/metrics', '/metrics', '/feed', '/products']) {
      const { status } = await fetch(`${service.roles.api.url}${path}`, { headers: fulfiller });
      expect([path, status]).toEqual([path, 403]);
    }
    expect(await service.post({}, fulfiller, `/orders/${id}/cancel`)).toMatchObject({ status: 403 });
    expect(await service.post({}, fulfiller, '/auth/ticket')).toMatchObject({ status: 403 });
  });
});
