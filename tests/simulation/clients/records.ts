// tests/simulation/clients/records.ts: records that are written straight into the topics, without an api: for worlds of the processor alone.

import { partitionOf } from '../../../shared/log/append/partitioner.ts';
import { encodeOrderEvent } from '../../../shared/log/codec/order-codec.ts';
import { encodeProductEvent } from '../../../shared/log/codec/product-codec.ts';
import type { RecordToAppend } from '../../../shared/log/log.ts';
import type { EventData, OrderCreatedData, OrderEvent, OrderEventName } from '../../../shared/order/events.ts';
import type { ProductEvent } from '../../../shared/product/events.ts';
import { created, type EventOptions, event } from '../../support/builders/order-events.ts';
import { productCreated } from '../../support/builders/product-events.ts';
import { ORDERS, PARTITIONS, PRODUCTS, type World } from '../world.ts';
import { PRICE_MINOR } from './items.ts';

/** Until it is replicated: a leader that moves may lose it. */
export const land = (world: World, record: RecordToAppend): void => {
  const again = (base: number | null): void => {
    if (base === null) land(world, record);
  };
  world.log.write(record.topic, partitionOf(record.key, PARTITIONS), [record], again);
};
export const landOrder = (world: World, each: OrderEvent): void => land(world, encodeOrderEvent(each, ORDERS));
export const landProduct = (world: World, each: ProductEvent): void => land(world, encodeProductEvent(each, PRODUCTS));

/** There are so many units of it; it costs what every product costs. */
export const landProductWith = (world: World, productId: string, units: number): void => {
  const { data, ...product } = productCreated(productId, units);
  landProduct(world, { ...product, ...stamp(world), data: { ...data, price_minor: PRICE_MINOR } });
};

/** The time of whoever writes it, and an id that follows from the seed. */
const stamp = ({ sim }: World): { id: string; time: number } => ({ id: sim.newId(), time: sim.wallClock() });

export const creationNow = (world: World, orderId: string, data: Partial<OrderCreatedData>, offMs = 0): OrderEvent => {
  const { id, time } = stamp(world);
  return created(orderId, data, { id, time: time + offMs });
};

export const eventNow = <N extends OrderEventName>(
  world: World,
  name: N,
  orderId: string,
  options: EventOptions & { data?: Partial<EventData[N]> } = {},
): OrderEvent => event(name, orderId, { ...stamp(world), ...options });
