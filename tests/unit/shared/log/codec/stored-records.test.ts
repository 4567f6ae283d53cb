// Every record that was ever written is decoded for ever, and says what it said.
// Tests/fixtures/records-v1 has one of every type at least.

import { describe, expect, it } from 'vitest';
import { decodeOrderEvent, encodeOrderEvent, ORDER_VOCABULARY } from '../../../../../shared/log/codec/order-codec.ts';
import { decodeProductEvent, encodeProductEvent, PRODUCT_VOCABULARY } from '../../../../../shared/log/codec/product-codec.ts';
import { currentWireType, type Vocabulary, wireTypesOf } from '../../../../../shared/log/codec/wire-types.ts';
import type { LogRecord, RecordToAppend } from '../../../../../shared/log/log.ts';
import { evolve, type Order } from '../../../../../shared/order/order.ts';
import { evolveProduct, type Product } from '../../../../../shared/product/product.ts';
import { delivered, type Stream, storedRecords } from '../../../../fixtures/stored-records.ts';
import { FOLDED_ORDERS, FOLDED_PRODUCTS, ORDER_EFFECTS, PRODUCT_EFFECTS } from './stored-states.ts';

type Decoded<E> = { ok: true; event: E } | { ok: false; reason: string; detail: string };

/** What a record says; fails with what the decoder has against it. */
const eventIn = <E>(decode: (record: LogRecord) => Decoded<E>, record: LogRecord): E => {
  const decoded = decode(record);
  if (!decoded.ok) throw new Error(`${record.headers.ce_type} is not decoded any more: ${decoded.reason}, ${decoded.detail}`);
  return decoded.event;
};

const eventsOf = <E>(stream: Stream, decode: (record: LogRecord) => Decoded<E>): E[] =>
  storedRecords(stream).map((stored, offset) => eventIn(decode, delivered(stored, stream, offset)));

interface StreamCase {
  stream: Stream;
  vocabulary: Vocabulary<string>;
  rewritten: (record: LogRecord, traceparent?: string) => RecordToAppend;
}

const STREAMS: readonly StreamCase[] = [
  {
    stream: 'orders',
    vocabulary: ORDER_VOCABULARY,
    rewritten: (record, traceparent) => encodeOrderEvent(eventIn(decodeOrderEvent, record), record.topic, traceparent),
  },
  {
    stream: 'products',
    vocabulary: PRODUCT_VOCABULARY,
    rewritten: (record, traceparent) => encodeProductEvent(eventIn(decodeProductEvent, record), record.topic, traceparent),
  },
];

describe.each(STREAMS)('the stored records of $stream', ({ stream, vocabulary, rewritten }) => {
  it('have every version of every type among them, and no other', () => {
    const stored = new Set(storedRecords(stream).map(({ headers }) => headers.ce_type!));
    expect([...stored].sort()).toEqual([...wireTypesOf(vocabulary).keys()].sort());
  });

  // An older version would be written as the current one. A property that came later is written too, with its default.
  it('would be written today with the same headers, and with all the data that they have', () => {
    const current = Object.keys(vocabulary.types).map((name) => currentWireType(vocabulary, name));
    storedRecords(stream).forEach((stored, offset) => {
      if (!current.includes(stored.headers.ce_type!)) return;
      const { key, headers, value } = rewritten(delivered(stored, stream, offset), stored.headers.traceparent);
      expect({ key, headers }).toEqual({ key: stored.key, headers: stored.headers });
      expect(JSON.parse(String(value))).toMatchObject(JSON.parse(stored.value));
    });
  });
});

describe('the stored records', () => {
  it('of orders fold to the same orders as ever', () => {
    const orders: Record<string, Order | null> = {};
    const effects = eventsOf('orders', decodeOrderEvent).map((event) => {
      const { order, effect } = evolve(orders[event.orderId] ?? null, event);
      orders[event.orderId] = order;
      return `${event.name} ${effect}`;
    });
    expect(effects).toEqual(ORDER_EFFECTS);
    expect(orders).toEqual(FOLDED_ORDERS);
  });

  it('of products fold to the same products as ever', () => {
    const products: Record<string, Product | null> = {};
    const effects = eventsOf('products', decodeProductEvent).map((event) => {
      const { product, effect } = evolveProduct(products[event.productId] ?? null, event);
      products[event.productId] = product;
      return `${event.name} ${effect}`;
    });
    expect(effects).toEqual(PRODUCT_EFFECTS);
    expect(products).toEqual(FOLDED_PRODUCTS);
  });

  it('have no detail where parking had none yet', () => {
    const parked = eventsOf('orders', decodeOrderEvent).filter(({ name }) => name === 'OrderParked');
    expect(parked.map(({ data }) => 'detail' in data)).toEqual([true, false, true, true]);
  });
});
