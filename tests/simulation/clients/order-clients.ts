// tests/simulation/clients/order-clients.ts: clients that submit orders, in every way there is, and again when they are in doubt.
// Read what they have submitted on every instance; and change their minds.

import { orderIdOfEntry } from '../../../api/orders/derived-ids.ts';
import type { Submission } from '../../../api/orders/submit-order.ts';
import type { ItemData } from '../../../shared/order/events.ts';
import type { World } from '../world.ts';
import { changeMind } from './changes.ts';
import type { ClientDriver } from './client-driver.ts';
import { totalOf } from './items.ts';

export interface OrderClientsOptions {
  count: number;
  /** Within which they come. */
  duringMs: number;
  /** How many changes each asks for, at most. */
  changesMax: number;
  itemsOf: (world: World) => ItemData[];
}

const BATCH = { caller: 'caller', batchId: 'batch-1' };
const TRIES_MAX = 12;
const AGAIN_MS = [20, 2_500] as const;

export const sendOrderClients = (world: World, driver: ClientDriver, options: OrderClientsOptions): void => {
  const { sim } = world;
  for (let number = 0; number < options.count; number += 1) {
    sim.after(sim.between(0, options.duringMs), () => {
      shop(world, driver, { ...options, number }).catch((error: unknown) =>
        sim.violate(`a client failed: ${String((error as Error).stack)}`),
      );
    });
  }
};

const submissionOf = (world: World, number: number, items: ItemData[]): Submission => {
  const { sim } = world;
  const kind = sim.pick(['plain', 'keyed', 'keyed', 'chosen', 'entry'] as const);
  // A few share a key or an id: the same command, or another.
  const name = sim.chance(0.3) ? 'shared' : `${number}`;
  return {
    order: { userId: `u${sim.between(1, 2)}`, items, totalMinor: totalOf(items, 1_000 + (sim.chance(0.3) ? number : 0)) },
    caller: 'caller',
    actor: 'user:caller',
    orderId: kind === 'chosen' ? `chosen-${name}` : kind === 'entry' ? orderIdOfEntry({ ...BATCH, index: number }) : null,
    idempotencyKey: kind === 'keyed' ? `key-${name}` : null,
    ...(kind === 'entry' ? { batch: { id: BATCH.batchId, commandHash: null } } : {}),
    correlationId: null,
    traceparent: null,
  };
};

const shop = async (
  world: World,
  driver: ClientDriver,
  { number, changesMax, itemsOf }: OrderClientsOptions & { number: number },
): Promise<void> => {
  const { sim } = world;
  const submission = submissionOf(world, number, itemsOf(world));
  const orderId = await submitUntilKnown(world, driver, submission);
  if (orderId === null) return;
  // Everybody can read it from now on.
  for (const instance of driver.instances) if (sim.chance(0.6)) await driver.read(instance, orderId);
  for (let changes = sim.between(0, changesMax); changes > 0; changes -= 1) {
    await sim.pause(sim.chance(0.6) ? sim.between(0, 300) : sim.between(300, 6_000));
    await changeMind(world, driver, orderId, itemsOf);
    if (sim.chance(0.4)) await driver.read(sim.pick(driver.instances), orderId);
  }
  // A key means the same for ever, and so does an entry of a batch.
  if ((submission.idempotencyKey !== null || submission.batch !== undefined) && sim.chance(0.5)) {
    await sim.pause(sim.between(0, 12_000));
    await driver.submit(sim.pick(driver.instances), submission);
  }
  for (let reads = sim.between(0, 3); reads > 0; reads -= 1) {
    await sim.pause(sim.between(0, 2_000));
    await driver.read(sim.pick(driver.instances), orderId);
  }
};

/** The id of the order that exists now, whoever made it; null for a client that gave up. */
const submitUntilKnown = async (world: World, driver: ClientDriver, submission: Submission): Promise<string | null> => {
  const { sim } = world;
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const reply = await driver.submit(sim.pick(driver.instances), submission);
    if (reply.kind === 'answer') {
      const { value } = reply;
      if (value.outcome === 'created') return value.created.orderId;
      if (value.outcome === 'id_taken') return submission.orderId;
      if (value.outcome === 'key_reused') return null;
    }
    // Without a key, trying again may make a second order: who minds has a key.
    const isDoubtful = reply.kind !== 'refused' && !(reply.kind === 'answer' && reply.value.outcome === 'overloaded');
    if (isDoubtful && submission.idempotencyKey === null && submission.orderId === null) return null;
    await sim.pause(sim.between(...AGAIN_MS));
  }
  return null;
};
