// Goal: an order whose fulfilment keeps failing is parked, alone.
// It stays parked over crashes, and every parked order goes on when it is redriven. Method: processors alone in a simulated world
// (parking.ts), which itself finds what is wrong with one seed.

import { describe, expect, it } from 'vitest';
import type { Order } from '../../../shared/order/order.ts';
import type { World } from '../world.ts';
import { parkedThroughout, parking, poisoned, REFUSED, UNREPORTED } from './parking.ts';

describe('orders whose fulfilment fails', () => {
  it('are parked, are redriven, and end, over crashes and replaced owners', async () => {
    const seen = { parked: 0, parkedAgain: 0, cancelled: 0, redrivenAndCompleted: 0 };
    const look = ({ truth }: World, redriven: ReadonlySet<string>): void => {
      for (const [id, { order, changes }] of truth.orders) {
        const parkings = changes.filter(({ name }) => name === 'OrderParked').length;
        if (parkings > 0) seen.parked += 1;
        if (parkings > 1) seen.parkedAgain += 1;
        if (order.status === 'cancelled') seen.cancelled += 1;
        if (redriven.has(id) && order.status === 'completed') seen.redrivenAndCompleted += 1;
      }
    };
    for (let seed = 1; seed <= 40; seed += 1)
      expect({ seed, violations: await parking(seed, undefined, look) }).toEqual({ seed, violations: [] });
    // Else the schedules show nothing.
    expect(seen.parked).toBeGreaterThan(300);
    expect(seen.parkedAgain).toBeGreaterThan(100);
    expect(seen.cancelled).toBeGreaterThan(10);
    expect(seen.redrivenAndCompleted).toBeGreaterThan(200);
  });

  it.each([
    ['refused', REFUSED, { code: 'FULFILMENT_REFUSED', attempts: 1 }],
    ['accepted and never reported', UNREPORTED, { code: 'FULFILMENT_OVERDUE', attempts: 0 }],
  ] as const)(
    'hold up nobody: more of them than there are places are %s, and the others complete as if they were not there',
    async (_, outcome, why) => {
      const run = async (count: number): Promise<number> => {
        const orders: Order[] = [];
        const violations = await poisoned(7, { count, outcome }, ({ truth }) => {
          for (const { order } of truth.orders.values()) orders.push(order);
        });
        expect(violations).toEqual([]);
        const sound = orders.filter(({ orderId }) => orderId.startsWith('sound'));
        expect(sound.map(({ status }) => status)).toEqual(Array(20).fill('completed'));
        const parked = orders.filter((order) => !sound.includes(order));
        expect(parked).toHaveLength(count);
        for (const order of parked) expect(order).toMatchObject({ status: 'processing', accepted: null, parked: why });
        return Math.max(...sound.map(({ completedAt, createdAt }) => completedAt! - createdAt));
      };
      const [alone, among] = [await run(0), await run(8)];
      // 20 orders of a second each, three at a time; the schedule of another run differs by a few.
      expect(among).toBeLessThan(alone * 1.5);
    },
  );

  it('stay parked when another processor takes over, until they are redriven', async () => {
    const redriveAt = 50_000;
    const { violations, moments, status, takeOvers } = await parkedThroughout(2, [12_000, redriveAt - 1], redriveAt);
    expect(violations).toEqual([]);
    expect(takeOvers).toBeGreaterThan(5);
    const [early, late] = moments;
    expect(early).toMatchObject({ isParked: true });
    expect(late).toEqual(early); // no attempt more
    expect(status).toBe('completed');
  });
});
