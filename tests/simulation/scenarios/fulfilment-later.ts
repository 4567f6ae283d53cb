// tests/simulation/scenarios/fulfilment-later.ts: an endpoint that accepts orders and reports later, twice, too late or never, while owners come and go.
// Nothing is sent again once the log knows that it was accepted; what nobody reports is parked; what was reported is what happens.

import type { OrderFact, OrderRequest } from '../../../shared/order/events.ts';
import { isTerminal } from '../../../shared/order/lifecycle.ts';
import type { Order } from '../../../shared/order/order.ts';
import { createFulfiller, type Fulfiller } from '../clients/fulfiller.ts';
import { UNTRACKED } from '../clients/items.ts';
import { sendOrderClients } from '../clients/order-clients.ts';
import { eventNow, landOrder } from '../clients/records.ts';
import { runSystem } from '../system.ts';
import type { RunWorld, World } from '../world.ts';
import { keepRedriving } from './long-open.ts';

const FAULTS_MS = 24_000;
const STRANGE_FACTS = 8;
/** FULFILMENT_DEADLINE_MS: some reports come after it. */
const DEADLINE_MS = 5_000;

export const fulfilmentLaterWorld: RunWorld = (seed, onTrace) => {
  const fulfiller = createFulfiller();
  return runSystem(
    seed,
    {
      roles: { apis: 2, processors: 2, projectors: 1 },
      faultsMs: FAULTS_MS,
      restMs: 62_000,
      appendFaults: 0.1,
      databaseFaults: 0.02,
      faults: { everyMs: 1_500 },
      endpoint: fulfiller.endpoint,
      reportDeadlineMs: DEADLINE_MS,
      concurrency: 2,
      clients: (system) => {
        const { world, driver, checkAtRest } = system;
        fulfiller.join(system);
        sendOrderClients(world, driver, {
          count: world.sim.between(6, 10),
          duringMs: FAULTS_MS,
          changesMax: 1,
          itemsOf: () => [UNTRACKED],
        });
        keepRedriving(system);
        disturb(world);
        checkAtRest(() => {
          checkReports(world, fulfiller);
          for (const { order } of world.truth.orders.values())
            if (!isTerminal(order.status)) world.sim.violate(`${order.orderId} is ${order.status} in the end`);
        });
      },
    },
    onTrace,
  );
};

/** Acceptances that no owner has written: of orders in any state, in the place of what comes next, or of what was. */
const disturb = (world: World): void => {
  const { sim, truth } = world;
  const strange = (): void => {
    const orders = [...truth.orders.values()];
    if (orders.length === 0) return;
    const { orderId, version } = sim.pick(orders).order;
    const data = { reference: 'job-of-nobody' };
    landOrder(world, eventNow(world, 'OrderFulfilmentAccepted', orderId, { version: version + sim.between(0, 1), data }));
  };
  for (let n = 0; n < STRANGE_FACTS; n += 1) sim.after(sim.between(0, FAULTS_MS), strange);
};

/** Every end of fulfilment is the one that was reported, or that the endpoint answered; and no report was refused without a reason. */
const checkReports = (world: World, { hasDone }: Fulfiller): void => {
  const { sim, truth } = world;
  for (const { event, effect, offset } of truth.events.flat().filter((taken) => taken !== null)) {
    const asked = requestOf(truth, event.causationId);
    const isByReport = asked?.name === 'OrderFulfilmentReported';
    if (effect === 'applied' && event.name === 'OrderCompleted' && (isByReport || asked === null) && !hasDone(event.orderId))
      sim.violate(`${event.orderId} was completed at ${offset}, and nobody has done its work`);
    if (isByReport && effect === 'applied') checkEnd(world, asked, event as OrderFact);
    if (isByReport && event.kind === 'refusal' && effect === 'refusal') checkRefusal(world, asked, { code: event.data.code, offset });
  }
};

type Report = Extract<OrderRequest, { name: 'OrderFulfilmentReported' }>;

const checkEnd = ({ sim, truth }: World, { orderId, data }: Report, fact: OrderFact): void => {
  const { outcome, code, reference } = data;
  if (outcome === 'done' ? fact.name !== 'OrderCompleted' : fact.name !== 'OrderParked' || fact.data.code !== code)
    sim.violate(`the report ${outcome} of ${orderId} was answered with ${fact.name}`);
  const accepted = truth.orders.get(orderId)!.changes[fact.version - 2]!.order.accepted?.reference ?? null;
  if (accepted !== null && reference !== null && accepted !== reference)
    sim.violate(`${orderId}, accepted as ${accepted}, was ended by a report about ${reference}`);
};

/** It was decided on what the order was at some time since the report. */
const checkRefusal = ({ sim, truth }: World, { id, orderId, data }: Report, { code, offset }: { code: string; offset: number }): void => {
  if (code !== 'ILLEGAL_TRANSITION') return;
  const { changes } = truth.orders.get(orderId)!;
  const since = changes.filter((change) => change.offset > truth.requests.get(id)!.offset && change.offset < offset);
  const states = [truth.orderBelow(orderId, truth.requests.get(id)!.offset), ...since.map(({ order }) => order)];
  const isWelcome = (order: Order | null): boolean => order?.status === 'processing' && (data.outcome === 'done' || order.parked === null);
  if (states.every(isWelcome)) sim.violate(`the report ${data.outcome} of ${orderId} was refused while it was waited for`);
};

const requestOf = (truth: World['truth'], id: string | null): OrderRequest | null => {
  const found = id === null ? undefined : truth.requests.get(id);
  const event = found && truth.events[found.partition]![found.offset]?.event;
  return event?.kind === 'request' ? event : null;
};
