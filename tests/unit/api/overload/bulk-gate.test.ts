// The gate of bulk submissions: room for the others in the appender and among the open orders.

import { beforeEach, describe, expect, it } from 'vitest';
import { BULK_IN_FLIGHT_MAX, createBulkGate } from '../../../../api/overload/bulk-gate.ts';
import { pass, passUntil, steerTime } from '../../../support/steered-time.ts';

const spare = () => true;
const settled = () => new Promise(setImmediate);

describe('the gate', () => {
  beforeEach(steerTime);

  it('lets in less than a round of the appender, then one for each that leaves, first come first served', async () => {
    expect(BULK_IN_FLIGHT_MAX).toBeLessThan(500);
    const gate = createBulkGate({ openOrders: () => 0, openOrdersMax: 10, spare });
    for (let n = 0; n < BULK_IN_FLIGHT_MAX; n += 1) expect(await gate.enter()).toBe(true);
    const order: string[] = [];
    const first = gate.enter().then(() => order.push('first'));
    const second = gate.enter().then(() => order.push('second'));
    await settled();
    expect(order).toEqual([]);
    gate.leave();
    await first;
    expect(order).toEqual(['first']);
    gate.leave();
    await second;
  });

  it('leaves half of the open orders to others, and opens again when there are fewer', async () => {
    let open = 5;
    const gate = createBulkGate({ openOrders: () => open, openOrdersMax: 10, spare });
    let entered: boolean | null = null;
    const waiting = gate.enter().then((is) => {
      entered = is;
    });
    await settled();
    expect(entered).toBeNull();
    open = 4;
    await passUntil(waiting, 'an answer of the gate');
    expect(entered).toBe(true);
  });

  it('turns away when the number of open orders stands still, not while it falls', async () => {
    let open = 100;
    const gate = createBulkGate({ openOrders: () => open, openOrdersMax: 10, spare, stallMs: 60 });
    let entered: boolean | null = null;
    void gate.enter().then((is) => {
      entered = is;
    });
    for (let n = 0; n < 20; n += 1) {
      open -= 1;
      await pass(40);
    }
    expect(entered, 'while it falls').toBeNull();
    await pass(100);
    expect(entered, 'when it stands still').toBe(false);
  });

  it('lets in what others leave, one for each that is spare, and turns away when nothing is for long', async () => {
    let left = 1;
    const gate = createBulkGate({ openOrders: () => 0, openOrdersMax: 10, spare: () => left-- > 0, stallMs: 60 });
    expect(await gate.enter()).toBe(true);
    const two = [gate.enter(), gate.enter()];
    left = 1;
    expect(await passUntil(two[0]!, 'the first')).toBe(true);
    expect(await passUntil(two[1]!, 'the second')).toBe(false);
  });

  it('turns everybody away once it is stopped', async () => {
    const gate = createBulkGate({ openOrders: () => 10, openOrdersMax: 10, spare });
    const waiting = gate.enter();
    gate.stop();
    expect(await waiting).toBe(false);
    expect(await gate.enter()).toBe(false);
  });
});
