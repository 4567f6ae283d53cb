// Goal: an order that cannot be fulfilled waits alone and goes on when it is redriven.
// An endpoint that is away or slow costs time, never an order; a dead letter can be put back byte for byte. Method: real processes, an
// endpoint that refuses, hangs and goes away as it is told.

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createAppender } from '../../../shared/log/append/appender.ts';
import { createLogClient } from '../../../shared/log/connect/client.ts';
import { deadLetterTopicOf } from '../../../shared/log/dead-letters/dead-letters.ts';
import type { LogRecord } from '../../../shared/log/log.ts';
import { readRange } from '../../../shared/log/read/read-range.ts';
import { logEnd } from '../../../shared/log/topics/offsets.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { uniqueName } from '../../support/builders/unique-name.ts';
import { eventually } from '../../support/eventually.ts';
import { type FulfilmentEndpoint, startFulfilmentEndpoint } from '../../support/faults/fulfilment-endpoint.ts';
import { patience } from '../../support/machine.ts';
import { ordersCli } from '../../support/stack/service/orders-cli.ts';
import { type OrderBody, type Service, startService } from '../../support/stack/service/service.ts';

let endpoint: FulfilmentEndpoint;
let service: Service;
beforeAll(async () => {
  endpoint = await startFulfilmentEndpoint();
  service = await startService({
    FULFILMENT: 'http',
    FULFILMENT_URL: endpoint.url,
    // Of an endpoint that never answers; what it does answer arrives within it, on a busy machine too.
    FULFILMENT_TIMEOUT_MS: String(patience(2_000)),
    FULFILMENT_ATTEMPTS_MAX: '4',
    FULFILMENT_RETRY_MIN_MS: '20',
    FULFILMENT_RETRY_MAX_MS: '200',
  });
});
afterAll(async () => {
  await service?.stop();
  endpoint?.stop();
});

const submit = async (orderId: string): Promise<string> => {
  const { status } = await service.post({ order_id: orderId, user_id: 1, item_ids: [1], total_amount: 3 });
  expect(status).toBe(201);
  return orderId;
};
const submitMany = (count: number): Promise<string[]> => Promise.all(Array.from({ length: count }, () => submit(uniqueName('o'))));
const order = async (id: string): Promise<OrderBody> => (await service.get(`/orders/${id}`)).body as unknown as OrderBody;
const parked = (id: string): Promise<OrderBody> =>
  eventually(
    async () => {
      const found = await order(id);
      return found.parked === null ? undefined : found;
    },
    { what: `${id} to be parked` },
  );
const redrive = (id: string) => service.post({}, {}, `/orders/${id}/redrive`);
const listParked = async (): Promise<string[]> =>
  ((await service.get('/orders?parked=true')).body as unknown as { orders: OrderBody[] }).orders.map(({ order_id }) => order_id);
const metric = async (role: 'processor' | 'projector', name: string): Promise<number> => {
  const text = await (await fetch(`${service.roles[role].url}/metrics`)).text();
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.split(' ')
      .at(-1),
  );
};
const isOpen = async (): Promise<boolean> => (await metric('processor', 'fulfilment_circuit_state{state="closed"}')) === 0;

describe('an endpoint that refuses some orders', () => {
  it('has them parked, alone; the others complete; redriven, they complete too', async () => {
    const [refused, broken] = [uniqueName('refused'), uniqueName('broken')];
    endpoint.behave((id) => (id === refused ? 422 : id === broken ? 500 : 200));
    await submit(refused);
    await submit(broken);
    const others = await submitMany(40);
    for (const id of others) await service.completed(id);
    expect(await parked(refused)).toMatchObject({ status: 'processing', version: 3, parked: { code: 'FULFILMENT_REFUSED', attempts: 1 } });
    expect(await parked(broken)).toMatchObject({ status: 'processing', version: 3, parked: { code: 'FULFILMENT_FAILED', attempts: 4 } });
    expect([endpoint.calls(refused), endpoint.calls(broken)]).toEqual([1, 4]);
    await eventually(async () => (await listParked()).length === 2, { what: 'the list of parked orders' });
    await eventually(async () => (await metric('projector', 'orders_parked')) === 2, { what: 'the metric of parked orders' });
    const { events } = (await service.get(`/orders/${broken}/events`)).body as unknown as { events: { type: string; data: object }[] };
    expect(events.at(-1)).toMatchObject({ type: 'orders.OrderParked.v1', data: { attempts: 4, detail: 'The endpoint answered 500.' } });

    // Redriven while nothing has changed, it is parked again, by attempts of its own.
    expect(await redrive(broken)).toMatchObject({ status: 200, body: { order: { parked: null, version: 4 } } });
    await eventually(async () => (await order(broken)).version === 5, { what: 'the order to be parked again' });
    expect(endpoint.calls(broken)).toBe(8);

    // A parked order survives its processor.
    service.roles.processor.kill('SIGKILL');
    await service.roles.processor.exited;
    service.roles.processor = await service.start('processor');
    expect((await order(refused)).parked).not.toBeNull();
    expect(endpoint.calls(refused)).toBe(1);

    endpoint.behave(() => 200);
    expect(await redrive(refused)).toMatchObject({ status: 200, body: { message: 'Order redriven' } });
    expect(await redrive(broken)).toMatchObject({ status: 200 });
    for (const id of [refused, broken]) {
      await service.completed(id);
      expect(await redrive(id)).toMatchObject({ status: 409, body: { code: 'ILLEGAL_TRANSITION' } });
    }
    expect([refused, broken, ...others].map(endpoint.done)).toEqual(Array(42).fill(1));
    expect(endpoint.mistaken()).toEqual([]);
  });

  it('leaves it to people: a parked order is cancelled, or completed by hand', async () => {
    endpoint.behave(() => 410);
    const [one, other] = await submitMany(2);
    await parked(one!);
    await parked(other!);
    expect(await service.post({}, {}, `/orders/${one}/cancel`)).toMatchObject({ body: { order: { status: 'cancelled', parked: null } } });
    const put = await fetch(`${service.roles.api.url}/orders/${other}/status`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ status: 'completed' }),
    });
    expect(await put.json()).toMatchObject({ order: { status: 'completed', parked: null } });
    expect([endpoint.calls(one!), endpoint.calls(other!)]).toEqual([1, 1]);
  });

  it('is answered by the operator with filters: a dry run changes nothing, a redrive ends them', async () => {
    endpoint.behave((id) => (id.startsWith('never') ? 422 : 200));
    const ids = await Promise.all(Array.from({ length: 12 }, () => submit(uniqueName('never'))));
    await eventually(async () => (await listParked()).length === ids.length, { what: 'the list of parked orders' });
    const dry = await ordersCli(['redrive', '--code', 'FULFILMENT_REFUSED', '--dry-run', '--json'], service.env);
    expect(dry).toMatchObject({ code: 0 });
    expect(JSON.parse(dry.stdout)).toMatchObject({
      dry_run: true,
      would_redrive: expect.toSatisfy((found: object[]) => found.length === 12),
    });
    expect(JSON.parse((await ordersCli(['redrive', '--code', 'FULFILMENT_FAILED', '--json'], service.env)).stdout)).toMatchObject({
      redriven: 0,
    });
    expect(JSON.parse((await ordersCli(['redrive', '--older-than', '1h', '--json'], service.env)).stdout)).toMatchObject({ redriven: 0 });
    expect(await ordersCli(['redrive'], service.env)).toMatchObject({
      code: 1,
      stderr: 'Say which ones: some of the filters, or --all.\n',
    });
    expect(await listParked()).toHaveLength(12);
    endpoint.behave(() => 200);
    const one = await ordersCli(['redrive', '--order', ids[0]!, 'nobody'], service.env);
    expect(one).toMatchObject({ code: 1, stdout: 'nobody: not parked\nRedriven 1 of 1 parked orders.\n' });
    await service.completed(ids[0]!);
    await eventually(async () => (await listParked()).length === 11, { what: 'the read model to know' });
    const all = await ordersCli(['redrive', '--all', '--json'], service.env);
    expect(all).toMatchObject({ code: 0 });
    expect(JSON.parse(all.stdout)).toMatchObject({ redriven: 11, not_redriven: [] });
    for (const id of ids) await service.completed(id);
    expect(ids.map(endpoint.done)).toEqual(Array(12).fill(1));
  });
});

describe('an endpoint that is away', () => {
  it('costs no order: attempts are held back, a cancellation works at once, and all complete when it is back', async () => {
    endpoint.behave(() => 503);
    const ids = await submitMany(30);
    await eventually(isOpen, { what: 'the circuit to open' });
    expect(await service.post({}, {}, `/orders/${ids[0]}/cancel`)).toMatchObject({ status: 200, body: { order: { status: 'cancelled' } } });
    expect(endpoint.done(ids[0]!), 'it was answered while its fulfilment is held back').toBe(0);
    const more = await submitMany(5); // taken meanwhile, and put with the others
    for (const id of more) await eventually(async () => (await order(id)).status === 'processing', { what: `${id} to be started` });
    const before = ids.reduce((sum, id) => sum + endpoint.calls(id), 0);
    expect(before).toBeLessThan(ids.length * 4);
    endpoint.behave(() => 200);
    for (const id of [...ids.slice(1), ...more]) await service.completed(id);
    expect(await isOpen()).toBe(false);
    expect([...ids.slice(1), ...more].map(endpoint.done)).toEqual(Array(34).fill(1));
    expect(endpoint.done(ids[0]!)).toBe(0);
    expect(await listParked()).toEqual([]);
  });

  it('may do the work and never say so: the next attempt has the same key', async () => {
    endpoint.behave((_, call) => (call === 1 ? 'hang' : 200));
    const ids = await submitMany(3);
    for (const id of ids) expect((await service.completed(id)).version).toBe(3);
    for (const id of ids) expect([endpoint.calls(id) >= 2, endpoint.done(id)]).toEqual([true, 1]);
  });
});

describe('a record that cannot be decoded', () => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));

  it('is listed, put back byte for byte where it was, and put back once', async () => {
    const topic = service.env.ORDERS_TOPIC!;
    const client = createLogClient({
      brokers: [inject('stack').kafka],
      clientId: uniqueName('test'),
      logger: createLogger('test', 'silent'),
    });
    const counts = new Map([[topic, (await logEnd(client, topic)).size]]);
    const appender = createAppender({ client, partitionCounts: counts });
    // Where its key does not belong: it goes back to where it was, not to where a key of ours would go.
    const headers = { 'x-odd': bytes, empty: '', ce_id: 'poison' };
    const put = await appender.append({ topic, partition: 5, key: bytes, value: Buffer.concat([bytes, bytes]), headers });
    const listed = async (): Promise<Record<string, unknown>[]> =>
      (await ordersCli(['dead-letters', '--json'], service.env)).stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    const letters = await eventually(
      async () => {
        const found = await listed();
        return found.length === 0 ? undefined : found;
      },
      { what: 'the dead letter' },
    );
    expect(letters).toEqual([
      {
        topic,
        partition: 5,
        offset: put.offset,
        reason: 'NOT_A_CLOUD_EVENT',
        time: expect.any(String),
        key: bytes.toString(),
        bytes: 512,
        dead_letter: { partition: 0, offset: 0 },
        redriven: false,
      },
    ]);
    const dry = await ordersCli(['redrive', '--dead-letters', '--reason', 'NOT_A_CLOUD_EVENT', '--dry-run'], service.env);
    expect(dry).toMatchObject({ code: 0, stdout: expect.stringContaining('Would redrive 1 dead letters.') });
    expect(await ordersCli(['redrive', '--dead-letters', '--reason', 'KEY_MISMATCH'], service.env)).toMatchObject({
      stdout: 'Redriven 0 of 0 dead letters.\n',
    });
    const redriven = await ordersCli(
      ['redrive', '--dead-letters', '--partition', '5', '--offset', String(put.offset), '--json'],
      service.env,
    );
    expect(JSON.parse(redriven.stdout)).toMatchObject({ redriven: 1, redriven_before: 0, not_redriven: [] });
    const records: LogRecord[] = [];
    await readRange({
      client,
      topic,
      from: new Map([[5, put.offset]]),
      to: new Map([[5, put.offset + 2]]),
      onRecords: (_, some) => void records.push(...some),
    });
    const [original, copy] = records as [LogRecord, LogRecord];
    const comparable = ({ key, value, headers: all }: LogRecord) => ({ key, value, headers: Object.entries(all) });
    expect(comparable(copy)).toEqual(comparable(original));
    expect(original).toMatchObject({ key: bytes, value: Buffer.concat([bytes, bytes]) });
    // It still cannot be decoded, so it has a letter of its own; the first is not redriven again.
    await eventually(async () => (await listed()).length === 2, { what: 'the letter of the copy' });
    expect((await listed()).map(({ offset, redriven: is }) => [offset, is])).toEqual([
      [put.offset, true],
      [put.offset + 1, false],
    ]);
    const again = await ordersCli(['redrive', '--dead-letters', '--offset', String(put.offset), '--json'], service.env);
    expect(JSON.parse(again.stdout)).toEqual({ redriven: 0, redriven_before: 1, not_redriven: [] });
    expect((await logEnd(client, topic)).get(5)!.high).toBe(put.offset + 2);
    expect((await logEnd(client, deadLetterTopicOf(topic))).get(0)!.high).toBe(3); // two letters and a mark
    expect((await ordersCli(['dead-letters'], service.env)).stdout).toMatch(/^WHERE .*\n.*@\d+ .* NOT_A_CLOUD_EVENT +512 B .* redriven\n/);
    await appender.stop();
  });
});
