// shared/log/codec/order-codec.ts: converts between a record of the topic `orders` and an event of the core.
// Every reader decodes with this one function, so all of them agree on what can be decoded and what it says.

import { EVENT_SCHEMAS } from '../../order/event-schemas.ts';
import { EVENT_TYPES } from '../../order/event-types.ts';
import type { OrderEvent, OrderEventName } from '../../order/events.ts';
import { UPCASTERS } from '../../order/upcast.ts';
import type { LogRecord, RecordToAppend } from '../log.ts';
import { createDecoder, encodeData } from './decode-data.ts';
import { placedIn, type Undecodable, writeAttributes } from './envelope.ts';
import { currentWireType, type Vocabulary } from './wire-types.ts';

export type Decoded = { ok: true; event: OrderEvent } | Undecodable;

export const ORDER_VOCABULARY: Vocabulary<OrderEventName> = {
  stream: 'orders',
  types: EVENT_TYPES,
  schemas: EVENT_SCHEMAS,
  upcasters: UPCASTERS,
};

const decode = createDecoder(ORDER_VOCABULARY);

/** The `ce_type` under which this code writes each event. */
export const wireTypeOf = (name: OrderEventName): string => currentWireType(ORDER_VOCABULARY, name);

/**
 * Decodes one record, upcast to the current version. Returns why not for a record that is no event of ours (it belongs in
 * the dead-letter topic and has no effect). Throws `UNKNOWN_EVENT_TYPE` for a type that newer code wrote: stop reading.
 */
export const decodeOrderEvent = (record: LogRecord): Decoded => {
  const decoded = decode(record);
  if (!decoded.ok) return decoded;
  const { kind, name, data } = decoded;
  const { id, subject, time, actor, causationId, correlationId, version } = decoded.attributes;
  const event = { kind, name, id, orderId: subject, time, actor, causationId, correlationId, data };
  // The schema has checked the data against the name, which is all that the union distinguishes.
  return { ok: true, event: (kind === 'fact' ? { ...event, version } : event) as unknown as OrderEvent };
};

export type DecodeOrderEvent = typeof decodeOrderEvent;

/** The same for readers of the topic, which has this many partitions. */
export const orderDecoderFor = (partitionCount: number): DecodeOrderEvent => placedIn(partitionCount, decodeOrderEvent);

/** The record that carries an event. Inverse of `decodeOrderEvent`. */
export const encodeOrderEvent = (event: OrderEvent, topic: string, traceparent?: string | null): RecordToAppend => ({
  topic,
  key: event.orderId,
  value: encodeData(event.data),
  headers: writeAttributes(
    {
      id: event.id,
      type: wireTypeOf(event.name),
      subject: event.orderId,
      time: event.time,
      version: event.kind === 'fact' ? event.version : null,
      actor: event.actor,
      causationId: event.causationId,
      correlationId: event.correlationId,
    },
    EVENT_TYPES[event.name].source,
    traceparent,
  ),
});
