// tests/simulation/clients/changes.ts: commands as the routes make them, with and without a condition.
// Each is followed by a look at what came of them on another instance.

import type { OrderCommand } from '../../../api/orders/command-order.ts';
import type { ItemData } from '../../../shared/order/events.ts';
import type { OrderStatus } from '../../../shared/order/lifecycle.ts';
import type { RequestedChange } from '../../../shared/order/ruled-out.ts';
import type { World } from '../world.ts';
import type { ClientDriver } from './client-driver.ts';
import { totalOf, UNTRACKED } from './items.ts';

const toStatus = (status: OrderStatus): RequestedChange => ({ name: 'OrderStatusChangeRequested', data: { status, reason: null } });
const CANCEL: RequestedChange = { name: 'OrderCancellationRequested', data: { reason: 'changed my mind' } };
const REDRIVE: RequestedChange = { name: 'OrderRedriveRequested', data: {} };

const AMEND = 'amend';
const CHANGES = [CANCEL, CANCEL, toStatus('processing'), toStatus('completed'), toStatus('cancelled'), AMEND, AMEND, REDRIVE] as const;

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
  const command: OrderCommand = {
    orderId,
    ifMatch,
    actor: 'user:caller',
    correlationId: null,
    traceparent: null,
    change: wish === AMEND ? CANCEL : wish,
  };
  const instance = sim.pick(driver.instances);
  const amendment = { items, totalMinor: totalOf(items, 500) };
  const reply = await (wish === AMEND ? driver.command(instance, command, amendment) : driver.command(instance, command));
  if (reply.kind !== 'answer' || (reply.value.outcome !== 'applied' && reply.value.outcome !== 'unchanged')) return;
  const { order, place } = reply.value;
  await driver.read(sim.pick(driver.instances), orderId, { place, version: order.version });
};

/** An operator's way out for what is parked. */
export const redriveParked = async (world: World, driver: ClientDriver, orderId: string): Promise<void> => {
  await driver.command(world.sim.pick(driver.instances), {
    orderId,
    ifMatch: null,
    actor: 'user:operator',
    correlationId: null,
    traceparent: null,
    change: REDRIVE,
  });
};
