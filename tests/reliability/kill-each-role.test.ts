// Goal: no acknowledged order is lost or doubled when any role is killed under load. Method: 1,000 orders are posted at once
// while api, processor and projector are killed with SIGKILL in turn and started again; the clients' journal (ok or unknown) is
// compared with what the log made of it. A client that got no answer repeats the request with its key.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import type { RoleName } from '../support/role-process.ts';
import { type Service, startService } from '../support/service.ts';

const ORDERS = 1000;

let service: Service;
beforeAll(async () => {
  service = await startService({ PROCESSING_TIME_MS: '200' });
});
afterAll(() => service.stop());

/** Posts with a key until there is an answer; counts how often there was none. */
const submit = async (index: number): Promise<string> => {
  const body = { user_id: `u${index}`, item_ids: [index], total_amount: index };
  return eventually(
    async () => {
      const { status, body: answer } = await service.post(body, { 'idempotency-key': `kill-${index}` });
      return status === 201 ? (answer.order_id as string) : undefined;
    },
    { what: `an answer for order ${index}`, timeoutMs: 60_000 },
  );
};

const killAndRestart = async (role: RoleName): Promise<void> => {
  service.roles[role].kill('SIGKILL');
  await service.roles[role].exited;
  service.roles[role] = await service.start(role);
};

describe('SIGKILL of each role in turn under load', () => {
  it('loses none of the acknowledged orders and doubles none', async () => {
    const waves: Promise<string[]>[] = [];
    const wave = (from: number, count: number): void => {
      waves.push(Promise.all(Array.from({ length: count }, (_, i) => submit(from + i))));
    };
    wave(0, ORDERS / 4);
    await killAndRestart('processor');
    wave(ORDERS / 4, ORDERS / 4);
    await killAndRestart('projector');
    wave(ORDERS / 2, ORDERS / 4);
    const restarted = killAndRestart('api');
    wave((3 * ORDERS) / 4, ORDERS / 4);
    await restarted;
    const ids = (await Promise.all(waves)).flat();
    expect(new Set(ids).size).toBe(ORDERS);

    const counted = await eventually(
      async () => {
        const { body } = await service.get('/orders/metrics');
        return body.completed_orders === ORDERS ? body : undefined;
      },
      { what: `${ORDERS} completed orders`, timeoutMs: 60_000 },
    );
    // The sum of 0..999 to the cent: each order counted once with its own amount.
    expect(counted).toMatchObject({
      total_orders: ORDERS,
      pending_orders: 0,
      processing_orders: 0,
      total_revenue: (ORDERS * (ORDERS - 1)) / 2,
    });

    for (const id of [ids[0]!, ids[250]!, ids[500]!, ids[999]!]) {
      const { events } = (await service.get(`/orders/${id}/events`)).body as { events: { type: string; effect: string }[] };
      const applied = events.filter(({ effect }) => effect === 'applied').map(({ type }) => type);
      expect(applied).toEqual(['orders.OrderCreated.v1', 'orders.OrderProcessing.v1', 'orders.OrderCompleted.v1']);
    }
  });

  it('has the partitions of a killed processor taken over by another', async () => {
    const second = await service.start('processor');
    service.roles.processor.kill('SIGKILL');
    service.roles.processor = second;
    const posted = await Promise.all(
      Array.from({ length: 24 }, (_, i) => service.post({ user_id: 'takeover', item_ids: [i], total_amount: 1 })),
    );
    await Promise.all(posted.map(({ body }) => service.completed(body.order_id as string)));
  });
});
