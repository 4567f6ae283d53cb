// tests/simulation/single-role/orders.ts: processors alone with the log: orders in bursts, their late copies, keys used again, strange facts.
// In one world nothing fails, so that whatever is in vain shows at once; in the others owners crash, stand still and are replaced.

import { createTailPartition, fold, passOver } from '../../../api/reads/tail-memory.ts';
import { orderDecoderFor } from '../../../shared/log/codec/order-codec.ts';
import { offsetAfter } from '../../../shared/log/log.ts';
import type { OrderEvent, OrderFactName } from '../../../shared/order/events.ts';
import { isTerminal } from '../../../shared/order/lifecycle.ts';
import { readRecords } from '../../support/in-memory/log.ts';
import { creationNow, eventNow, landOrder } from '../clients/records.ts';
import { readOrders } from '../invariants/oracle.ts';
import { runSystem, type System, type SystemOptions } from '../system.ts';
import { ORDERS, PARTITIONS, type RunWorld, type World } from '../world.ts';

/** Looks at what has become of everything, at rest. */
export type Look = (world: World) => void;

export const FAULTS_MS = 30_000;
export const REST_MS = 75_000;
const PLACES = 3;
const ORIGINS = ['server', 'key', 'client', 'batch'] as const;
const REQUESTS = ['OrderCancellationRequested', 'OrderStatusChangeRequested', 'OrderAmendmentRequested', 'OrderRedriveRequested'] as const;
const SKEW_MS = 3_000; // of the clocks of those who submit
const COPY_MAX_MS = 25_000; // behind the original

export const TROUBLED: Omit<SystemOptions, 'clients'> = {
  roles: { apis: 0, processors: 2, projectors: 1 },
  faultsMs: FAULTS_MS,
  restMs: REST_MS,
  appendFaults: 0.2,
  databaseFaults: 0.03,
  faults: { everyMs: 1_500 },
  concurrency: PLACES,
};
export const UNTROUBLED: Omit<SystemOptions, 'clients'> = {
  roles: { apis: 0, processors: 1, projectors: 1 },
  faultsMs: 0,
  restMs: REST_MS,
  appendFaults: 0,
  databaseFaults: 0,
  concurrency: PLACES,
};

const requestNow = (world: World, id: string): OrderEvent => {
  const { sim } = world;
  const expected_version = sim.chance(0.3) ? sim.between(1, 3) : null;
  const name = sim.pick(REQUESTS);
  if (name !== 'OrderStatusChangeRequested') return eventNow(world, name, id, { data: { expected_version } });
  const status = sim.pick(['processing', 'completed', 'cancelled'] as const);
  return eventNow(world, name, id, { data: { status, expected_version } });
};

/** `copies`: records land again later, and keys are used again. */
export const submitOrders = (world: World, count: number, copies: boolean): string[] => {
  const { sim } = world;
  const later = (max: number): number => sim.between(1, sim.chance(0.5) ? 500 : max);
  const landTwice = (each: OrderEvent, probability: number, maxMs: number): void => {
    landOrder(world, each);
    if (copies && sim.chance(probability)) sim.after(later(maxMs), () => landOrder(world, each));
  };
  return Array.from({ length: count }, (_, i) => {
    const id = `o-${i}`;
    const id_origin = ORIGINS[i % 4]!;
    const at = sim.between(0, 6) * 4_000 + sim.between(0, 40);
    const creation = (): OrderEvent => creationNow(world, id, { id_origin }, sim.between(-SKEW_MS, SKEW_MS));
    sim.after(at, () => landTwice(creation(), 0.4, COPY_MAX_MS));
    if (copies && id_origin !== 'server' && sim.chance(0.5)) sim.after(at + later(COPY_MAX_MS), () => landOrder(world, creation()));
    for (let r = sim.between(0, 3); r > 0; r -= 1) {
      const asked = at + sim.between(5, sim.chance(0.7) ? 4_000 : 28_000);
      sim.after(asked, () => landTwice(requestNow(world, id), 0.2, 3_000));
    }
    return id;
  });
};

/** A rejection is none for want of stock: that would be a promise about the ledger. */
const strange = (world: World, name: OrderFactName, id: string, version: number): OrderEvent =>
  name === 'OrderRejected' ? eventNow(world, name, id, { version, data: { code: 'STRANGE' } }) : eventNow(world, name, id, { version });

const STRANGE: readonly OrderFactName[] = ['OrderProcessing', 'OrderCompleted', 'OrderCancelled', 'OrderRejected', 'OrderAmended'];

/** Facts that no owner would write, and requests for orders that do not exist. */
const disturb = (world: World, ids: readonly string[]): void => {
  const { sim } = world;
  for (let n = 0; n < 12; n += 1) {
    const [name, id, version] = [sim.pick(STRANGE), sim.pick(ids), sim.between(1, 4)];
    sim.after(sim.between(0, FAULTS_MS), () => landOrder(world, strange(world, name, id, version)));
  }
  askOfNobody(world, 6);
};
const askOfNobody = (world: World, count: number): void => {
  const { sim } = world;
  for (let n = 0; n < count; n += 1)
    sim.after(sim.between(0, FAULTS_MS), () => landOrder(world, eventNow(world, 'OrderCancellationRequested', `nobody-${n}`)));
};

/** What an api that reads the log from its beginning is told about each request: its first effective answer, and no other (R2). */
const checkHeard = ({ sim, truth, log }: World): void => {
  const heard = new Map<string, string[]>();
  const decode = orderDecoderFor(PARTITIONS);
  for (const { partition, records } of log.partitions(ORDERS)) {
    const memory = createTailPartition(partition, 0, 0, []);
    for (const record of readRecords({ records }, 0, records.length)) {
      const decoded = decode(record);
      if (!decoded.ok) {
        passOver(memory, offsetAfter(record));
        continue;
      }
      const { effect } = fold(memory, decoded.event, new Map());
      if (decoded.event.causationId === null || (effect !== 'applied' && effect !== 'refusal')) continue;
      heard.set(decoded.event.causationId, [...(heard.get(decoded.event.causationId) ?? []), decoded.event.id]);
    }
  }
  for (const [id, { orderId, answers }] of truth.requests) {
    if (!truth.orders.has(orderId)) continue;
    const [told, due] = [String(heard.get(id)), String(answers[0]?.event.id)];
    if (told !== due) sim.violate(`the request ${id} about ${orderId} is told to be answered by ${told}, it was by ${due}`);
  }
};

const checkNoneLost = ({ sim, truth }: World, ids: readonly string[]): void => {
  for (const id of ids) {
    const known = truth.orders.get(id);
    if (known === undefined || !isTerminal(known.order.status)) sim.violate(`${id} is ${known?.order.status ?? 'lost'} in the end`);
  }
};

const troubled =
  (options: Partial<SystemOptions>) =>
  (seed: number, onTrace?: (line: string) => void, look: Look = () => {}): Promise<string[]> => {
    const clients = ({ world, checkAtRest }: System): void => {
      const ids = submitOrders(world, 20, true);
      disturb(world, ids);
      checkAtRest(() => {
        checkNoneLost(world, ids);
        checkHeard(world);
        look(world);
      });
    };
    return runSystem(seed, { ...TROUBLED, ...options, clients }, onTrace);
  };

/** One processor at a time: it dies, and another takes over. */
export const crashes = troubled({ roles: { apis: 0, processors: 1, projectors: 1 }, carryAfterMs: Infinity });
/** Owners that do not know yet that they were replaced. */
export const zombies = troubled({ roles: { apis: 0, processors: 3, projectors: 1 }, carryAfterMs: Infinity });
/** Whatever is open for more than half a second is carried, while owners come and go. */
export const carried = troubled({
  carryAfterMs: 500,
  endpoint: (_, sim) => ({ afterMs: sim.between(0, 9_000), outcome: { outcome: 'done' } }),
});

/** How many orders were in processing at once that took a place: a request by hand takes one even if none is free. */
const mostAtOnce = ({ truth, log }: World): number => {
  const steps: { at: number; sign: 1 | -1 }[] = [];
  for (const { partition, changes } of truth.orders.values()) {
    const at = ({ offset }: { offset: number }): number => log.partitions(ORDERS)[partition]!.records[offset]!.timestamp;
    const started = changes.findIndex(({ name }) => name === 'OrderProcessing');
    if (started < 0 || truth.events[partition]![changes[started]!.offset]!.event.causationId !== null) continue;
    steps.push({ at: at(changes[started]!), sign: 1 });
    const ended = changes[started + 1];
    if (ended !== undefined) steps.push({ at: at(ended), sign: -1 });
  }
  steps.sort((one, other) => one.at - other.at || one.sign - other.sign);
  let [now, most] = [0, 0];
  for (const { sign } of steps) {
    now += sign;
    most = Math.max(most, now);
  }
  return most;
};

/** Nothing fails and no process dies, so nothing may be in vain either. */
export const calm: RunWorld = (seed, onTrace) => {
  const clients = ({ world, checkAtRest }: System): void => {
    const ids = submitOrders(world, 24, false);
    checkAtRest(() => {
      const most = mostAtOnce(world);
      if (most !== PLACES) world.sim.violate(`${most} orders were in processing at once, there are ${PLACES} places`);
      checkNoneLost(world, ids);
      checkHeard(world);
      for (const { event: each, effect } of readOrders(world).folded.verdicts)
        if (effect === 'void') world.sim.violate(`${each!.name} of ${each!.orderId} was in vain`);
    });
  };
  return runSystem(seed, { ...UNTROUBLED, clients }, onTrace);
};

/** Requests for orders that do not exist, and nothing else: what is unanswered is all that holds back where a successor starts. */
export const unmatched: RunWorld = (seed, onTrace) =>
  runSystem(seed, { ...TROUBLED, clients: ({ world }) => askOfNobody(world, 60) }, onTrace);
