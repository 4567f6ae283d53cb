// shared/log/codec/product-codec.ts: converts between a record of the topic `products` and an event of the product core.
// Every reader decodes with this one function, so all of them agree on what can be decoded and what it says.

import { PRODUCT_EVENT_SCHEMAS } from '../../product/event-schemas.ts';
import { PRODUCT_EVENT_TYPES } from '../../product/event-types.ts';
import type { ProductEvent, ProductEventName } from '../../product/events.ts';
import { PRODUCT_UPCASTERS } from '../../product/upcast.ts';
import type { LogRecord, RecordToAppend } from '../log.ts';
import { createDecoder, encodeData } from './decode-data.ts';
import { placedIn, type Undecodable, writeAttributes } from './envelope.ts';
import { currentWireType, type Vocabulary } from './wire-types.ts';

export type DecodedProduct = { ok: true; event: ProductEvent } | Undecodable;

export const PRODUCT_VOCABULARY: Vocabulary<ProductEventName> = {
  stream: 'products',
  types: PRODUCT_EVENT_TYPES,
  schemas: PRODUCT_EVENT_SCHEMAS,
  upcasters: PRODUCT_UPCASTERS,
};

const decode = createDecoder(PRODUCT_VOCABULARY);

/**
 * Decodes one record, upcast to the current version. Returns why not for a record that is no event of ours (it belongs in
 * the dead-letter topic and has no effect). Throws `UNKNOWN_EVENT_TYPE` for a type that newer code wrote: stop reading.
 */
export const decodeProductEvent = (record: LogRecord): DecodedProduct => {
  const decoded = decode(record);
  if (!decoded.ok) return decoded;
  const { kind, name, data } = decoded;
  const { id, subject, time, actor, causationId, correlationId, version } = decoded.attributes;
  const event = { kind, name, id, productId: subject, time, actor, causationId, correlationId, data };
  // The schema has checked the data against the name, which is all that the union distinguishes.
  return { ok: true, event: (kind === 'fact' ? { ...event, version } : event) as unknown as ProductEvent };
};

export type DecodeProductEvent = typeof decodeProductEvent;

/** The same for readers of the topic, which has this many partitions. */
export const productDecoderFor = (partitionCount: number): DecodeProductEvent => placedIn(partitionCount, decodeProductEvent);

/** The record that carries an event; its version travels in the same header as an order's. Inverse of `decodeProductEvent`. */
export const encodeProductEvent = (event: ProductEvent, topic: string, traceparent?: string | null): RecordToAppend => ({
  topic,
  key: event.productId,
  value: encodeData(event.data),
  headers: writeAttributes(
    {
      id: event.id,
      type: currentWireType(PRODUCT_VOCABULARY, event.name),
      subject: event.productId,
      time: event.time,
      version: event.kind === 'fact' ? event.version : null,
      actor: event.actor,
      causationId: event.causationId,
      correlationId: event.correlationId,
    },
    PRODUCT_EVENT_TYPES[event.name].source,
    traceparent,
  ),
});
