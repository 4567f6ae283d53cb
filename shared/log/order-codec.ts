// shared/log/order-codec.ts: between a record of the topic `orders` and an event of the core. Every reader decodes with
// this one function, so all of them agree on what can be decoded and what it says.

import { Ajv, type ValidateFunction } from 'ajv';
import { EVENT_SCHEMAS } from '../order/event-schemas.ts';
import { kindOf, type OrderEvent } from '../order/events.ts';
import { isFutureType, WIRE_TYPES, wireTypeOf } from '../order/upcast.ts';
import { AppError } from '../runtime/app-error.ts';
import { type Attributes, readAttributes, type Undecodable, undecodable, writeAttributes } from './envelope.ts';
import type { LogRecord, RecordToAppend } from './log.ts';

export type Decoded = { ok: true; event: OrderEvent } | Undecodable;

const ajv = new Ajv({ strict: true, allowUnionTypes: true });
const validators = new Map<string, ValidateFunction>(Object.entries(EVENT_SCHEMAS).map(([name, schema]) => [name, ajv.compile(schema)]));

/**
 * Decodes one record, upcast to the current version. Returns why not for a record that is no event of ours (it belongs in
 * the dead-letter topic and has no effect). Throws `UNKNOWN_EVENT_TYPE` for a type that newer code wrote: stop reading.
 */
export const decodeOrderEvent = (record: LogRecord): Decoded => {
  const read = readAttributes(record);
  if (!read.ok) return read;
  const { attributes } = read;
  const wire = WIRE_TYPES.get(attributes.type);
  if (!wire) {
    if (!isFutureType(attributes.type)) return undecodable('UNKNOWN_TYPE', `the type ${attributes.type} is not known`);
    const where = `${record.topic}/${record.partition}@${record.offset}`;
    throw new AppError('UNKNOWN_EVENT_TYPE', `The record at ${where} has the type ${attributes.type}: deploy a version that knows it.`);
  }
  const data = parseObject(record.value);
  if (data === null) return undecodable('MALFORMED_JSON', 'the value is not a JSON object');
  if (hasUnstorableText(record.value!, data)) return undecodable('SCHEMA_MISMATCH', 'the data contains NUL or half a surrogate pair');
  const validate = validators.get(wire.schema)!;
  if (!validate(data)) return undecodable('SCHEMA_MISMATCH', ajv.errorsText(validate.errors, { dataVar: 'data' }).slice(0, 500));
  const kind = kindOf(wire.name);
  if ((kind === 'fact') !== (attributes.version !== null)) return undecodable('BAD_HEADER', 'facts, and only facts, carry ce_orderversion');
  return { ok: true, event: toEvent(attributes, kind, wire.name, wire.upcast(data)) };
};

/** The record that carries an event. Inverse of `decodeOrderEvent`. */
export const encodeOrderEvent = (event: OrderEvent, topic: string, traceparent?: string | null): RecordToAppend => ({
  topic,
  key: event.orderId,
  value: JSON.stringify(event.data),
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
    event.kind === 'request' || event.name === 'OrderCreated' ? '/api' : '/processor',
    traceparent,
  ),
});

const parseObject = (value: Buffer | null): Record<string, unknown> | null => {
  if (value === null) return null;
  try {
    const data: unknown = JSON.parse(value.toString('utf8'));
    return typeof data === 'object' && data !== null && !Array.isArray(data) ? (data as Record<string, unknown>) : null;
  } catch {
    return null;
  }
};

/**
 * JSON can say what PostgreSQL cannot store and UTF-8 cannot carry. Such a record has no effect anywhere, instead of stopping
 * the projector for ever. Only escapes can produce it, so the text is searched for those first.
 */
const hasUnstorableText = (value: Buffer, data: unknown): boolean => value.includes('\\u') && !isStorable(data);

const isStorable = (data: unknown): boolean => {
  if (typeof data === 'string') return data.isWellFormed() && !data.includes('\0');
  if (typeof data !== 'object' || data === null) return true;
  return Object.entries(data).every(([name, value]) => isStorable(name) && isStorable(value));
};

// The schema has checked the data against the name, which is all that the union distinguishes.
const toEvent = (attributes: Attributes, kind: OrderEvent['kind'], name: OrderEvent['name'], data: Record<string, unknown>): OrderEvent => {
  const { id, subject, time, actor, causationId, correlationId, version } = attributes;
  const event = { kind, name, id, orderId: subject, time, actor, causationId, correlationId, data };
  return (kind === 'fact' ? { ...event, version } : event) as unknown as OrderEvent;
};
