// tests/simulation/clients/changes.ts: commands as the routes make them, with and without a condition.
// Each is followed by a look at what came of them on another instance.

import type { AskedChange, OrderCommand } from '../../../api/orders/requested-change.ts';
import type { ItemData } from '../../../shared/order/events.ts';
import type { OrderStatus } from '../../../shared/order/lifecycle.ts';
import type { World } from '../world.ts';
import type { ClientDriver } from './client-driver.ts';
import { totalOf, UNTRACKED } from './items.ts';

const toStatus = (status: OrderStatus): AskedChange => ({ name: 'OrderStatusChangeRequested', data: { status, reason: null } });
const CANCEL: AskedChange = { name: 'OrderCancellationRequested', data: { reason: 'changed my mind' } };
const REDRIVE: AskedChange = { name: 'OrderRedriveRequested', data: {} };

const AMEND = 'amend';
const CHANGES = [CANCEL, CANCEL, toStatus('processing'), toStatus('completed'), toStatus('cancelled'), AMEND, AMEND, REDRIVE] as const;

const TRIES_MAX = 6;
// Few enough that some are used for two commands about one order.
const KEYS_MAX = 4;

/** `itemsOf`: what an order is amended to. */
export const changeMind = async (
  world: World,
  driver: ClientDriver,
  orderId: string,
  itemsOf: (world: World) => ItemData[],
): Promise<void> => {
  const { sim } = world;
  const wish = sim.pick(CHANGES);
  const items = sim.chance(0.7) ? itemsOf(world) : [UNTRACKED];
  const ifMatch = sim.chance(0.3) ? Array.from({ length: sim.between(1, 2) }, () => sim.between(1, 3)) : null;
  const lines = { items, totalMinor: totalOf(items, 500) };
  const asked: AskedChange = wish === AMEND ? { name: 'OrderAmendmentRequested', lines } : wish;
  const idempotencyKey = sim.chance(0.6) ? `change-${sim.between(1, KEYS_MAX)}` : null;
  await send(world, driver, { ...NOTHING_ASKED, orderId, ifMatch, idempotencyKey, actor: 'user:caller', asked });
};

const NOTHING_ASKED = { caller: 'caller', correlationId: null, traceparent: null } as const;

/** With a key again while in doubt, and sometimes without any, to whichever instance. */
const send = async (world: World, driver: ClientDriver, command: OrderCommand): Promise<void> => {
  const { sim } = world;
  for (let tries = sim.between(1, TRIES_MAX); tries > 0; tries -= 1) {
    const reply = await driver.command(sim.pick(driver.instances), command);
    const value = reply.kind === 'answer' ? reply.value : null;
    if (value?.outcome === 'applied' || value?.outcome === 'unchanged') {
      const { order, place } = value;
      await driver.read(sim.pick(driver.instances), command.orderId, { place, version: order.version });
    }
    const isKnown = value !== null && value.outcome !== 'pending' && value.outcome !== 'unknown';
    if (command.idempotencyKey === null || (isKnown && !sim.chance(0.4))) return;
    await sim.pause(sim.chance(0.5) ? sim.between(0, 30) : sim.between(30, 2_500)); // before another instance has read it, or after
  }
};

/** An operator's way out for what is parked. */
export const redriveParked = async (world: World, driver: ClientDriver, orderId: string): Promise<void> => {
  const operator = { ...NOTHING_ASKED, orderId, ifMatch: null, idempotencyKey: null, actor: 'user:operator' };
  await driver.command(world.sim.pick(driver.instances), { ...operator, asked: REDRIVE });
};
