// Goal: whatever the log does to appends and however often the processor dies, every order ends, every request has one answer, and no order
// is fulfilled that the log does not show in processing. Method: processors alone in a simulated world; what is wrong is found by the world
// itself (orders.ts), here it is made sure that its schedules show something.

import { describe, expect, it } from 'vitest';
import { encodeOrderEvent } from '../../../shared/log/codec/order-codec.ts';
import { creationNow, eventNow, land, landOrder } from '../clients/records.ts';
import { runSystem } from '../system.ts';
import { ORDERS, type World } from '../world.ts';
import { crashes, UNTROUBLED, zombies } from './orders.ts';

const SEEDS = 60;

describe('the processor on a log that loses, doubles and delays', () => {
  it('ends every order once and answers every request once, over crashes and late copies', async () => {
    const seen = { ended: 0, copies: 0, takeOvers: 0 };
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const look = ({ truth, takeOvers }: World): void => {
        seen.ended += truth.orders.size;
        seen.copies += truth.events.flat().filter((taken) => taken?.event.name === 'OrderCreated' && taken.effect === 'void').length;
        seen.takeOvers += takeOvers.length;
      };
      expect({ seed, violations: await crashes(seed, undefined, look) }).toEqual({ seed, violations: [] });
    }
    expect(seen.ended).toBeGreaterThanOrEqual(20 * SEEDS);
    expect(seen.copies).toBeGreaterThan(5 * SEEDS);
    expect(seen.takeOvers).toBeGreaterThan(5 * SEEDS);
  });

  it('gives a request that an old and a new owner answer one answer, the first effective one in the log (R2)', async () => {
    let answeredTwice = 0;
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const look = ({ truth }: World): void => {
        const events = truth.events.flat().filter((taken) => taken !== null);
        const answers = Map.groupBy(events, ({ event }) => event.causationId);
        for (const id of truth.requests.keys())
          if (new Set((answers.get(id) ?? []).map(({ event }) => event.id)).size > 1) answeredTwice += 1;
      };
      expect({ seed, violations: await zombies(seed, undefined, look) }).toEqual({ seed, violations: [] });
    }
    expect(answeredTwice).toBeGreaterThan(20); // else the schedules show nothing
  });

  it('refuses a request for an order that it does not know once', async () => {
    const found: unknown[] = [];
    const violations = await runSystem(7, {
      ...UNTROUBLED,
      clients: ({ world, checkAtRest }) => {
        landOrder(world, eventNow(world, 'OrderCancellationRequested', 'nobody'));
        checkAtRest(() => {
          for (const taken of world.truth.events.flat()) found.push([taken?.event.name, taken?.effect]);
        });
      },
    });
    expect(violations).toEqual([]);
    expect(found).toEqual([
      ['OrderCancellationRequested', 'request'],
      ['OrderRequestRefused', 'refusal'],
    ]);
  });

  it('holds no more orders in processing than its places, and starts the others as places come free', async () => {
    let most = 0;
    const fulfilled = new Set<string>();
    const violations = await runSystem(7, {
      ...UNTROUBLED,
      endpoint: ({ orderId }, sim) => {
        fulfilled.add(orderId);
        return { afterMs: sim.between(0, 2_000), outcome: { outcome: 'done' } };
      },
      clients: ({ world }) => {
        const { sim, truth } = world;
        for (let i = 0; i < 20; i += 1) land(world, encodeOrderEvent(creationNow(world, `s-${i}`, {}), ORDERS));
        const look = (): void => {
          most = Math.max(most, [...truth.orders.values()].filter(({ order }) => order.status === 'processing').length);
          sim.after(10, look);
        };
        look();
      },
    });
    expect(violations).toEqual([]);
    expect(most).toBe(UNTROUBLED.concurrency);
    expect(fulfilled.size).toBe(20);
  });
});
