// tests/simulation/clients/audit.ts: when all is calm, every instance of the api is asked about everything.
// Each must know each order, each answer and the whole history, as the log has them.

import type { ApiParts } from '../../../api/api.ts';
import type { Slot } from '../fleet.ts';
import type { World } from '../world.ts';
import { call } from './call.ts';

const HISTORY_MAX = 500;

/** To be awaited while the world still runs. */
export const auditApis = (world: World, instances: readonly Slot<ApiParts>[]): Promise<unknown> =>
  Promise.all(instances.map((instance) => auditOne(world, instance)));

const auditOne = async (world: World, instance: Slot<ApiParts>): Promise<void> => {
  const { sim, truth } = world;
  const asked = await call(world, instance, async ({ orders, events }) => {
    const found = [];
    for (const orderId of truth.orders.keys()) {
      const stored = await orders.fresh(orderId);
      if (stored === null) {
        sim.violate(`${instance.name} does not know ${orderId} in the end`);
        continue;
      }
      found.push({ stored, history: await events.page(stored, 0, HISTORY_MAX) });
    }
    for (const [requestId, { orderId, offset, answers }] of truth.requests) {
      // Of what stands before the creation, as after a loss it may, no history tells.
      if (offset < (truth.orders.get(orderId)?.createdOffset ?? Infinity)) continue;
      const stored = await orders.fresh(orderId);
      const asked = stored && (await events.requestOf(stored, requestId));
      if (asked?.answer?.place.offset !== answers[0]?.offset)
        sim.violate(`${instance.name} has another answer to ${requestId} than the log`);
    }
    return found;
  });
  if (asked.kind !== 'answer')
    return sim.violate(`${instance.name} does not answer in the end: ${asked.kind === 'failed' ? String(asked.error) : asked.kind}`);
  for (const { stored, history } of asked.value) {
    const { orderId } = stored.order;
    const { order, partition } = truth.orders.get(orderId)!;
    if (JSON.stringify(stored.order) !== JSON.stringify(order))
      sim.violate(`${instance.name} shows ${orderId} as ${JSON.stringify(stored.order)}`);
    const expected = truth.events[partition]!.flatMap((taken) =>
      taken?.event.orderId === orderId ? [`${taken.offset} ${taken.effect}`] : [],
    );
    const told = history.map(({ offset, effect }) => `${offset} ${effect}`);
    if (told.join() !== expected.join()) sim.violate(`${instance.name} tells of ${orderId} ${told.join()}, the log has ${expected.join()}`);
  }
};
