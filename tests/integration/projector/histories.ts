// tests/integration/projector/histories.ts: a log as it really gets.
// Lives of orders, with copies, stale facts, requests and answers between them, from a seed.

import type { OrderEvent } from '../../../shared/order/events.ts';
import { random } from '../../simulation/kernel/random.ts';
import { created, event, fact } from '../../support/builders/order-events.ts';

const item = (product_id: string) => ({ product_id, quantity: 1, unit_price_minor: 250, stocked: false });

/** The life of one order, with whatever goes wrong on the way. Every status is reached by some of them. */
const life = (orderId: string, next: () => number): OrderEvent[] => {
  const pick = (count: number): number => Math.floor(next() * count);
  const items = Array.from({ length: 1 + pick(3) }, () => item(`p-${pick(40)}`));
  const events: OrderEvent[] = [
    created(orderId, { user_id: `u-${pick(10)}`, items, total_minor: 100 * pick(1_000), batch_id: pick(3) ? null : 'b-1' }),
  ];
  const request = event('OrderCancellationRequested', orderId);
  let version = 1;
  const add = (...some: OrderEvent[]): void => {
    events.push(...some);
    if (next() < 0.1) events.push(some[0]!); // a copy, as an ambiguous append leaves it
  };
  const path = next();
  if (path < 0.1) return events;
  if (next() < 0.2) {
    version += 1;
    add(event('OrderAmended', orderId, { version, data: { items: [item(`p-${pick(40)}`)], total_minor: 777 } }));
  }
  if (path < 0.2) return [...events, fact('OrderRejected', orderId, version + 1, 'pending')];
  version += 1;
  add(fact('OrderProcessing', orderId, version, 'pending'));
  if (path > 0.27 && path < 0.3) add(fact('OrderFulfilmentAccepted', orderId, version + 1, 'processing'));
  if (path < 0.3) return events;
  if (path < 0.45) {
    version += 1;
    add(fact('OrderParked', orderId, version, 'processing'));
    if (path < 0.35) return events;
    version += 1;
    add(fact('OrderUnparked', orderId, version, 'processing'));
  }
  if (path < 0.6) {
    add(request);
    version += 1;
    add(fact('OrderCancelled', orderId, version, 'processing', { causationId: request.id }));
    add(event('OrderRequestRefused', orderId, { causationId: request.id })); // too late: the request has its answer
    return events;
  }
  if (path < 0.7) add(request, event('OrderRequestRefused', orderId, { causationId: request.id }));
  version += 1;
  add(fact('OrderCompleted', orderId, version, 'processing', { time: Date.now() + pick(5_000) }));
  if (path > 0.95) add(fact('OrderCompleted', orderId, version + 3, 'processing')); // from a processor that was somewhere else
  return events;
};

/** `count` lives, interleaved; the events of one order keep their order. */
export const histories = (count: number, seed: number): OrderEvent[] => {
  const next = random(seed);
  const lives = Array.from({ length: count }, (_, i) => life(`order-${seed}-${i}`, next));
  const mixed: OrderEvent[] = [];
  while (lives.length > 0) {
    const at = Math.floor(next() * lives.length);
    mixed.push(lives[at]!.shift()!);
    if (lives[at]!.length === 0) lives.splice(at, 1);
  }
  return mixed;
};
