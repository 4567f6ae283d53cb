// shared/order/upcast.ts: from the type on the wire to the current event. An old version is turned into the current one
// here and nowhere else; a record's meaning never changes, so an entry is only ever added. Pure.

import type { OrderEventName } from './events.ts';

type Data = Record<string, unknown>;

export interface WireType {
  name: OrderEventName;
  /** Name of the schema that the data must match as it stands on the wire, before upcasting. */
  schema: string;
  upcast: (data: Data) => Data;
}

const current = (data: Data): Data => data;

const v1 = (name: OrderEventName): [string, WireType] => [`orders.${name}.v1`, { name, schema: `${name}.v1`, upcast: current }];

/** Every record type of the topic `orders`, by its `ce_type`. */
export const WIRE_TYPES: ReadonlyMap<string, WireType> = new Map([
  v1('OrderCreated'),
  v1('OrderProcessing'),
  v1('OrderCompleted'),
  v1('OrderCancelled'),
  v1('OrderRejected'),
  v1('OrderAmended'),
  v1('OrderParked'),
  v1('OrderUnparked'),
  v1('OrderRequestRefused'),
  v1('OrderCancellationRequested'),
  v1('OrderStatusChangeRequested'),
  v1('OrderAmendmentRequested'),
  v1('OrderRedriveRequested'),
]);

/** The `ce_type` under which this code writes each event. */
export const wireTypeOf = (name: OrderEventName): string => `orders.${name}.v1`;

/**
 * A type that has the form of ours but is not in the table was written by newer code: a reader that skipped it would
 * disagree with one that does not, so it must stop (deploy readers first). Anything else is a stray record.
 */
export const isFutureType = (ceType: string): boolean => /^orders\.[A-Z][A-Za-z]*\.v[1-9]\d*$/.test(ceType) && !WIRE_TYPES.has(ceType);
