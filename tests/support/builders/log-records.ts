// tests/support/builders/log-records.ts: events as records of the log, without a log.

import { decodeOrderEvent, encodeOrderEvent } from '../../../shared/log/codec/order-codec.ts';
import type { LogRecord } from '../../../shared/log/log.ts';
import type { OrderEvent } from '../../../shared/order/events.ts';

const TOPIC = 'orders';

/** The record that carries an event, as a reader would deliver it. */
export const recordOf = (event: OrderEvent, partition: number, offset: number): LogRecord => {
  const { key, value, headers } = encodeOrderEvent(event, TOPIC);
  return {
    topic: TOPIC,
    partition,
    offset,
    timestamp: event.time,
    key: key === null ? null : Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
    headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)])),
  };
};

/** Events in one partition, one after the other from `from` on. */
export const recordsOf = (events: readonly OrderEvent[], partition = 0, from = 0): LogRecord[] =>
  events.map((event, index) => recordOf(event, partition, from + index));

/** A record that is no event of ours. */
export const undecodableRecord = (partition: number, offset: number): LogRecord => ({
  topic: TOPIC,
  partition,
  offset,
  timestamp: 0,
  key: null,
  value: Buffer.from('not ours'),
  headers: {},
});

export const decodedOf = (records: readonly LogRecord[]) => records.map((record) => ({ record, decoded: decodeOrderEvent(record) }));
