// tests/integration/api/mixed-lives.ts: lives of orders for counting.
// Every way that an order can go, with what a log really has between: copies, facts that came too late, second answers, refusals, clocks
// that went back. From a seed.

import { randomUUID } from 'node:crypto';
import type { OrderEvent } from '../../../shared/order/events.ts';
import type { OrderStatus } from '../../../shared/order/lifecycle.ts';
import { random } from '../../simulation/kernel/random.ts';
import { created, event, fact } from '../../support/builders/order-events.ts';

const START = Date.UTC(2026, 0, 1);
const CREATED_WITHIN_MS = 86_400_000;

/** `count` lives, each in its own order. */
export const mixedLives = function* (count: number, seed: number): Generator<OrderEvent[]> {
  const next = random(seed);
  for (let n = 0; n < count; n += 1) yield life(`m-${seed}-${n}`, next);
};

const life = (orderId: string, next: () => number): OrderEvent[] => {
  const below = (bound: number): number => Math.floor(next() * bound);
  // Amounts from nothing to ten million: mostly small, some with many digits.
  const amount = (): number => (next() < 0.02 ? below(1_000_000_000) : below(50_000));
  const events: OrderEvent[] = [];
  let [version, status, time]: [number, OrderStatus, number] = [1, 'pending', START + below(CREATED_WITHIN_MS)];
  const first = created(orderId, { user_id: `u-${below(500)}`, total_minor: amount() }, { id: randomUUID(), time });
  const add = (...some: OrderEvent[]): void => {
    events.push(...some);
    if (next() < 0.05) events.push(some[0]!); // a copy, as an ambiguous append leaves it
    if (next() < 0.03) events.push({ ...first, id: randomUUID(), data: { ...first.data, total_minor: amount() } } as OrderEvent);
    if (next() < 0.03) events.push(fact('OrderCompleted', orderId, version + 1 + below(3) * 2, status, { time, id: randomUUID() }));
  };
  /** From milliseconds to minutes; now and then the writer's clock was behind. */
  const pass = (): number => {
    time += next() < 0.03 ? -below(5_000) : Math.floor(Math.exp(next() * 12));
    return time;
  };
  const move = (name: Parameters<typeof fact>[0], to: OrderStatus, causationId: string | null = null): void => {
    version += 1;
    add(fact(name, orderId, version, status, { time: pass(), id: randomUUID(), causationId }));
    status = to;
  };
  const ask = (name: 'OrderCancellationRequested' | 'OrderStatusChangeRequested'): string => {
    const request = event(name, orderId, { id: randomUUID(), time });
    events.push(request);
    return request.id;
  };
  const refuse = (causationId: string): void =>
    void events.push(event('OrderRequestRefused', orderId, { id: randomUUID(), causationId, time }));

  add(first);
  const way = next();
  if (next() < 0.15) {
    version += 1;
    add(event('OrderAmended', orderId, { version, time: pass(), id: randomUUID(), data: { total_minor: amount() } }));
  }
  if (way < 0.07) return events;
  if (way < 0.12) {
    move('OrderRejected', 'rejected');
    return events;
  }
  if (way < 0.18) {
    move('OrderCancelled', 'cancelled', ask('OrderCancellationRequested'));
    return events;
  }
  move('OrderProcessing', 'processing');
  if (way > 0.22 && way < 0.33) move('OrderFulfilmentAccepted', 'processing'); // some of them are parked afterwards
  if (way < 0.24) return events;
  if (way < 0.36) {
    move('OrderParked', 'processing');
    if (way < 0.28) return events;
    if (way > 0.3) move('OrderUnparked', 'processing'); // the others end while they are parked
  }
  if (way > 0.3 && way < 0.45) {
    const request = ask('OrderCancellationRequested');
    move('OrderCancelled', 'cancelled', request);
    refuse(request); // by another owner, too late
    return events;
  }
  if (way < 0.5) {
    const request = ask('OrderStatusChangeRequested');
    refuse(request);
    // Another owner said yes, after the refusal: void, although version and lifecycle would allow it.
    events.push(fact('OrderCancelled', orderId, version + 1, status, { time, id: randomUUID(), causationId: request }));
  }
  move('OrderCompleted', 'completed');
  return events;
};
