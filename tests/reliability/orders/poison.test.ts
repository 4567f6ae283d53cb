// Goal: a record that is no event of ours stops nobody and is set aside once, under load; more of them in tests/integration/hostile/topic.
// One that only newer code understands stops those who write, and an api reads on where it can. Method: batches that no client of ours would
// write, sent as bytes.

import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { judge } from '../../oracle/oracle.ts';
import { readTopic } from '../../oracle/raw-log.ts';
import { eventually } from '../../support/eventually.ts';
import { type Load, startLoad } from '../../support/faults/load.ts';
import { asLz4, asSnappy, batchOf, compressed, type RawRecord } from '../../support/faults/network/raw-batches.ts';
import { connectRaw, type RawBroker } from '../../support/faults/network/raw-broker.ts';
import { patience } from '../../support/machine.ts';
import { type Fleet, startFleet } from '../../support/stack/service/fleet.ts';
import type { Member } from '../../support/stack/service/member.ts';
import type { RoleName } from '../../support/stack/service/role-process.ts';

const REST_LIMIT_MS = patience(30_000);
const STOP_LIMIT_MS = 30_000;

let raw: RawBroker;
beforeAll(async () => {
  raw = await connectRaw(inject('stack').kafka);
});
afterAll(() => raw?.close());

const event = (headers: Record<string, string> = {}, value: string | null = '{}', key: string | null = 'poison'): RawRecord => ({
  key: key === null ? null : Buffer.from(key),
  value: value === null ? null : Buffer.from(value),
  headers: Object.entries({
    ce_specversion: '1.0',
    ce_id: crypto.randomUUID(),
    ce_type: 'orders.OrderCreated.v1',
    ce_time: new Date().toISOString(),
    ce_subject: key ?? 'poison',
    ce_orderversion: '1',
    ...headers,
  }).map(([name, text]) => [name, Buffer.from(text)] as const),
});
const foreign: RawRecord = { key: null, value: Buffer.from('hello'), headers: [] };
const longKey = 'k'.repeat(450_000); // and once more as ce_subject

const POISON: readonly [what: string, reason: string, batch: () => Buffer][] = [
  ['no event at all', 'NOT_A_CLOUD_EVENT', () => batchOf([foreign])],
  ['a tombstone', 'NOT_A_CLOUD_EVENT', () => batchOf([{ key: Buffer.from('poison'), value: null, headers: [] }])],
  ['an event without a value', 'MALFORMED_JSON', () => batchOf([event({}, null)])],
  ['an event with an empty key', 'MISSING_HEADER', () => batchOf([event({ ce_subject: '' }, '{}', '')])],
  ['an event without a key', 'KEY_MISMATCH', () => batchOf([event({}, '{}', null)])],
  ['the key of another order', 'KEY_MISMATCH', () => batchOf([event({ ce_subject: 'other' })])],
  ['no JSON', 'MALFORMED_JSON', () => batchOf([event({}, '{"user_id":')])],
  ['JSON of another shape', 'SCHEMA_MISMATCH', () => batchOf([event({}, '{"user_id":7}')])],
  ['a version that is no number', 'BAD_HEADER', () => batchOf([event({ ce_orderversion: 'one' })])],
  ['a time that is none', 'BAD_HEADER', () => batchOf([event({ ce_time: 'yesterday' })])],
  ['a type of somebody else', 'UNKNOWN_TYPE', () => batchOf([event({ ce_type: 'com.example.Thing' })])],
  ['a value as large as the broker takes', 'MALFORMED_JSON', () => batchOf([event({}, 'x'.repeat(1_000_000))])],
  ['a key and a header as large as the broker takes', 'BAD_HEADER', () => batchOf([event({ ce_id: 'i'.repeat(100_000) }, '{}', longKey)])],
  ['a value that is larger once decompressed', 'MALFORMED_JSON', () => batchOf([event({}, 'x'.repeat(5_000_000))], 'gzip', gzipSync)],
  ['a key that is larger once decompressed', 'BAD_HEADER', () => batchOf([event({}, '{}', 'k'.repeat(3_000_000))], 'gzip', gzipSync)],
  ['a value too large to be decompressed', 'TOO_LARGE', () => batchOf([event({}, 'x'.repeat(9_000_000))], 'gzip', gzipSync)],
  ['an event compressed with Snappy', 'UNKNOWN_CODEC', () => batchOf([event()], 'snappy', asSnappy)],
  ['an event compressed with LZ4', 'UNKNOWN_CODEC', () => batchOf([event()], 'lz4', asLz4)],
  ['events whose offsets go back', 'MALFORMED_BATCH', () => batchOf([1, 0].map((delta) => ({ ...event(), delta })))],
];
const SENTENCE = /orders\.OrderCreated\.v2: deploy a version that knows it/;

describe('records that are no events', () => {
  let fleet: Fleet;
  let load: Load;
  beforeAll(async () => {
    fleet = await startFleet({ ...inject('stack'), env: { PROCESSING_TIME_MS: '200' } });
    load = await startLoad(fleet, { seed: 8, perSecond: 60 });
  });
  afterAll(() => fleet?.stop());

  it('are passed over by every role and set aside with the reason', async () => {
    const { kafka, ordersTopic } = fleet.where;
    await load.moves(20);
    const placed = new Map<string, { what: string; reason: string }>();
    for (const [index, [what, reason, batch]] of POISON.entries()) {
      const partition = index % 12;
      const offset = await raw.append(ordersTopic, partition, batch());
      placed.set(`${partition}@${offset}`, { what, reason });
    }
    await load.moves(50);
    const letters = await eventually(
      async () => {
        const all = await readTopic(kafka, `${ordersTopic}.dead-letter`);
        return all.length >= POISON.length && all;
      },
      { what: 'a dead letter of each' },
    );
    const found = letters.map(({ headers }) => ({
      ...placed.get(`${headers.dl_partition}@${headers.dl_offset}`),
      found: headers.dl_reason,
    }));
    expect(found.toSorted((a, b) => a.what!.localeCompare(b.what!))).toEqual(
      POISON.map(([what, reason]) => ({ what, reason, found: reason })).toSorted((a, b) => a.what.localeCompare(b.what)),
    );
    for (const member of fleet.members()) expect(member.starts(), member.name).toBe(1);
  });

  it('are passed over as copies when somebody compresses events with gzip and sends them again', async () => {
    const { ordersTopic } = fleet.where;
    const [batch] = await raw.batches(ordersTopic, 3);
    await raw.append(ordersTopic, 3, compressed(batch!, 'gzip', gzipSync));
    await load.moves(20);
  });

  it('lose, double and hold up nothing', async () => {
    await load.stop();
    const ledger = await judge(fleet.where, load.journal.entries, { timeoutMs: REST_LIMIT_MS });
    expect(ledger.violations).toEqual([]);
    expect(ledger.void, 'the copies in the compressed batch').toBeGreaterThan(0);
  });
});

describe('an event of a version that only newer code knows', () => {
  it('stops those who write, and leaves the api to serve what it has, not ready, with a sentence that says why', async () => {
    const fleet = await startFleet({ ...inject('stack'), env: { PROCESSING_TIME_MS: '100' } });
    const members = (role: RoleName): Member => fleet.members(role)[0]!;
    const { url, starts } = members('api');
    const get = async (path: string) => {
      const response = await fetch(`${url}${path}`);
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };
    const submit = async (): Promise<{ status: number; body: Record<string, unknown> }> => {
      const body = JSON.stringify({ user_id: 'u', item_ids: ['5'], total_amount: 10 });
      const response = await fetch(`${url}/orders`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };
    try {
      const before = await submit();
      const order = `/orders/${before.body.order_id}`;
      await eventually(async () => (await get(order)).body.status === 'completed', { what: 'an order to be completed' });
      await raw.append(fleet.where.ordersTopic, 0, batchOf([event({ ce_type: 'orders.OrderCreated.v2' })]));
      await eventually(() => members('processor').starts() > 1 && members('projector').starts() > 1, {
        what: 'processor and projector to stop',
        timeoutMs: STOP_LIMIT_MS,
      });
      for (const role of ['processor', 'projector'] as const) expect(members(role).output(), role).toMatch(SENTENCE);
      const ready = await get('/health/ready');
      expect([ready.status, JSON.stringify(ready.body)]).toEqual([503, expect.stringMatching(SENTENCE)]);
      expect((await get(order)).body).toMatchObject({ status: 'completed' });
      expect((await get('/orders?status=completed')).body).toMatchObject({ orders: [{ order_id: before.body.order_id }] });
      expect(await submit()).toMatchObject({ status: 503, body: { code: 'LOG_UNAVAILABLE' } });
      expect(starts(), 'how often the api was started').toBe(1);
    } finally {
      await fleet.stop();
    }
  });
});
