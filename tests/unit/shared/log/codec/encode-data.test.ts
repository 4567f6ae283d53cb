// No writer can make a record that its readers set aside for its texts.
// Encoding refuses what decoding would not take.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeOrderEvent, encodeOrderEvent } from '../../../../../shared/log/codec/order-codec.ts';
import { encodeProductEvent } from '../../../../../shared/log/codec/product-codec.ts';
import type { OrderEvent } from '../../../../../shared/order/events.ts';
import { recordOf } from '../../../../support/builders/log-records.ts';
import { created, event } from '../../../../support/builders/order-events.ts';
import { productEvent } from '../../../../support/builders/product-events.ts';

const UNSTORABLE = { code: 'UNSTORABLE_TEXT' };
/** Any text at all, NUL and half surrogate pairs included. */
const anyText = fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.constantFrom('a\0b', '\ud83d', '🙂', '\udc00x', '\\u0000'));

const decodedOrRefused = (original: OrderEvent): void => {
  const isKept = (text: string): boolean => text.isWellFormed() && !text.includes('\0');
  const texts = JSON.stringify([original.orderId, original.id, original.causationId, original.data]);
  const all = JSON.parse(texts, (_, value) => (typeof value === 'string' && !isKept(value) ? null : value));
  if (JSON.stringify(all) !== texts) expect(() => encodeOrderEvent(original, 'orders')).toThrow(expect.objectContaining(UNSTORABLE));
  else expect(decodeOrderEvent(recordOf(original, 0, 0))).toEqual({ ok: true, event: original });
};

it('what is encoded is decoded to the same, whatever the texts are; the rest is refused', () => {
  fc.assert(
    fc.property(anyText, (reason) => decodedOrRefused(event('OrderCancellationRequested', 'a', { data: { reason } }))),
    { numRuns: 500 },
  );
});

it.each(['a\0b', '\ud83d'])('refuses %j in data, names, ids and causes', (text) => {
  const encode = (each: OrderEvent) => () => encodeOrderEvent(each, 'orders');
  expect(encode(event('OrderCancelled', 'a', { data: { reason: text } }))).toThrow(expect.objectContaining(UNSTORABLE));
  expect(encode(created('a', { [text]: 1 } as never))).toThrow(expect.objectContaining(UNSTORABLE));
  expect(encode(created(text))).toThrow(expect.objectContaining(UNSTORABLE));
  expect(encode(event('OrderCancelled', 'a', { causationId: text }))).toThrow(expect.objectContaining(UNSTORABLE));
  expect(() => encodeProductEvent(productEvent('ProductCreated', 'lamp', { data: { name: text } }), 'products')).toThrow(
    expect.objectContaining(UNSTORABLE),
  );
});

it('refuses ids that readers find too long', () => {
  expect(() => encodeOrderEvent(created('x'.repeat(201)), 'orders')).toThrow(expect.objectContaining(UNSTORABLE));
});
