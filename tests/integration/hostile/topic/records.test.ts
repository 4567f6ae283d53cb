// Records and batches that no client of ours writes, on a real broker, which takes them.
// After each of them an order in the same partition is taken, read, fulfilled, listed, and everybody agrees about the whole log.

import { createHash } from 'node:crypto';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exactHeadersOf } from '../../../../shared/log/protocol/exact-headers.ts';
import { eventually } from '../../../support/eventually.ts';
import { asLz4, asSnappy, batchOf, bombOf, changed, type RawRecord } from '../../../support/faults/network/raw-batches.ts';
import { foreignCreated } from './foreign-events.ts';
import { idIn, type ServiceUnderAttack, startServiceUnderAttack } from './service-under-attack.ts';

let service: ServiceUnderAttack;
beforeAll(async () => {
  service = await startServiceUnderAttack();
});
afterAll(() => service?.stop());

const created = (orderId: string, headers: RawRecord['headers'] = []): RawRecord => {
  const event = foreignCreated(orderId);
  return { ...event, headers: [...headers, ...event.headers] };
};
const none: RawRecord = { key: null, value: null, headers: [] };
const many = (count: number): RawRecord[] => Array.from({ length: count }, () => none);
const headers = (count: number): RawRecord['headers'] => Array.from({ length: count }, () => ['', Buffer.alloc(0)] as const);

const UNOPENED: readonly [what: string, reason: string, batch: () => Buffer | Promise<Buffer>][] = [
  ['1.1 GB of zeros in 34 KB of zstd', 'TOO_LARGE', () => bombOf(1_100, 'zstd')],
  ['200 MB of zeros in gzip', 'TOO_LARGE', () => bombOf(200, 'gzip')],
  ['half a million records', 'TOO_LARGE', () => batchOf(many(500_000), 'zstd', zstdCompressSync)],
  ['a record with 400,000 headers', 'TOO_LARGE', () => batchOf([{ ...none, headers: headers(400_000) }])],
  ['an event compressed with Snappy', 'UNKNOWN_CODEC', () => batchOf([created(idIn(0))], 'snappy', asSnappy)],
  ['an event compressed with LZ4', 'UNKNOWN_CODEC', () => batchOf([created(idIn(0))], 'lz4', asLz4)],
  ['offsets that go back', 'MALFORMED_BATCH', () => batchOf([2, 1, 0].map((delta) => ({ ...created(idIn(0)), delta })))],
  ['one offset for three records', 'MALFORMED_BATCH', () => batchOf([0, 0, 0].map((delta) => ({ ...created(idIn(0)), delta })))],
];

describe('a batch that nobody opens', () => {
  it.each(UNOPENED)('%s is kept by its position, its size and its hash: %s', async (_, reason, make) => {
    const partition = UNOPENED.findIndex(([, , batch]) => batch === make);
    const topic = service.where.ordersTopic;
    const offset = await service.raw.append(topic, partition, await make());
    await service.orderGoesOn(partition);
    const stored = (await service.raw.batches(topic, partition)).find((batch) => Number(batch.readBigInt64BE(0)) === offset)!;
    const described = {
      batch_reason: reason,
      batch_last_offset: String(offset + stored.readInt32BE(23)),
      batch_bytes: String(stored.length),
      batch_sha256: createHash('sha256').update(stored).digest('hex'),
    };
    const kept = await service.archived(partition, offset);
    expect(Object.fromEntries(Object.entries(kept.headers).map(([name, bytes]) => [name, String(bytes)]))).toEqual(described);
    expect(kept.value!.equals(stored)).toBe(true);
    const letter = (await service.letters()).get(`${topic}/${partition}@${offset}`)!;
    expect(letter.reason).toBe(reason);
    expect(letter.letter.headers).toMatchObject(kept.headers);
  });
});

const odd: RawRecord['headers'] = [
  ['ce_id', Buffer.from('first')],
  ['twice', Buffer.from('a')],
  ['none', null],
  [Buffer.from([0xff, 0xfe]), Buffer.from([0, 1, 2])],
  ['7', Buffer.from('seven')],
  ['twice', Buffer.from('b')],
];

const SET_ASIDE: readonly [what: string, reason: string, record: RawRecord][] = [
  ['neither key nor value nor headers', 'NOT_A_CLOUD_EVENT', none],
  ['a key and nothing else', 'NOT_A_CLOUD_EVENT', { ...none, key: Buffer.from('k') }],
  ['bytes that are no text in all places', 'NOT_A_CLOUD_EVENT', { key: Buffer.of(0xff), value: Buffer.of(0, 0xfe), headers: odd }],
  ['100,000 headers', 'NOT_A_CLOUD_EVENT', { ...none, headers: headers(100_000) }],
  ['as many bytes as the broker takes', 'NOT_A_CLOUD_EVENT', { ...none, value: Buffer.alloc(1_048_000, 'x') }],
];

describe('a record with', () => {
  it.each(SET_ASIDE)('%s is set aside and archived byte for byte', async (_, reason, record) => {
    const partition = 8;
    const topic = service.where.ordersTopic;
    const offset = await service.raw.append(topic, partition, batchOf([record]));
    await service.orderGoesOn(partition);
    const list = record.headers.map(([name, value]) => [Buffer.from(name as string), value]);
    const kept = await service.archived(partition, offset);
    expect([kept.key, kept.value]).toEqual([record.key, record.value]);
    expect(exactHeadersOf(kept)).toEqual(list);
    const { reason: found, letter } = (await service.letters()).get(`${topic}/${partition}@${offset}`)!;
    expect(found).toBe(reason);
    expect(exactHeadersOf(letter).slice(0, list.length)).toEqual(list);
    if (letter.value !== null || record.value === null) return expect(letter.value).toEqual(record.value);
    const { dl_value_omitted, dl_value_sha256 } = letter.headers;
    const { length } = record.value;
    expect([String(dl_value_omitted), String(dl_value_sha256)]).toEqual([
      String(length),
      createHash('sha256').update(record.value).digest('hex'),
    ]);
  });
});

describe('an event', () => {
  it('whose headers are repeated or without value is what their last ones say, to everybody', async () => {
    const id = idIn(9);
    await service.raw.append(service.where.ordersTopic, 9, batchOf([created(id, odd)]));
    await service.orderGoesOn(9);
    await eventually(async () => (await service.call('GET', `/orders/${id}`)).body.status === 'completed', {
      what: 'the order to complete',
    });
    const { events } = (await service.call('GET', `/orders/${id}/events`)).body;
    expect(events[0].id).not.toBe('first');
  });

  it.each([
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ] as const)('that is compressed with %s counts', async (codec, pack) => {
    const id = idIn(10);
    await service.raw.append(service.where.ordersTopic, 10, batchOf([created(id)], codec, pack));
    await service.orderGoesOn(10);
    await eventually(async () => (await service.call('GET', `/orders/${id}`)).body.status === 'completed', {
      what: 'the order to complete',
    });
  });

  it('whose times are from the end of days is stamped by the broker', async () => {
    const id = idIn(10);
    const late = changed(batchOf([created(id)]), (batch) => {
      batch.writeBigInt64BE(2n ** 62n, 27);
      batch.writeBigInt64BE(2n ** 62n, 35);
    });
    await service.raw.append(service.where.ordersTopic, 10, late);
    await service.orderGoesOn(10);
  });
});

it('a batch with a wrong checksum does not get past the broker', async () => {
  const wrong = batchOf([none]);
  wrong.writeUInt32BE(1, 17);
  await expect(service.raw.append(service.where.ordersTopic, 11, wrong)).rejects.toThrow('error 2'); // CORRUPT_MESSAGE
  await service.orderGoesOn(11);
});

describe('in the topic of products', () => {
  const PRODUCTS_ATTACKS: readonly [what: string, batch: () => Buffer | Promise<Buffer>][] = [
    ['a bomb', () => bombOf(200, 'zstd')],
    ['a foreign codec', () => batchOf([none], 'lz4', asLz4)],
    ['offsets that go back', () => batchOf([1, 0].map((delta) => ({ ...none, delta })))],
    ['headers that are repeated or without value', () => batchOf([{ ...none, headers: odd }])],
  ];
  it.each(PRODUCTS_ATTACKS)('%s is passed over and set aside', async (_, make) => {
    const offset = await service.raw.append(service.where.productsTopic, 3, await make());
    await service.productGoesOn(3);
    const place = `${service.where.productsTopic}/3@${offset}`;
    await eventually(async () => (await service.letters()).has(place), { what: 'its dead letter' });
  });
});

it('leaves read model, ledger and oracle in agreement about all of it', async () => {
  await service.everybodyAgrees();
});
