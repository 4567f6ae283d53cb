// tests/simulation/clients/client-driver.ts: how the clients of a world ask its api, and what they hold it to: each answer is compared with what
// the log says at that moment, and with what the same instance has said before.

import type { ApiParts } from '../../../api/api.ts';
import type { Commanded, OrderCommand } from '../../../api/orders/command-order.ts';
import { commandHash, type OrderLines, type SentLines } from '../../../api/orders/new-order.ts';
import type { Submission, Submitted } from '../../../api/orders/submit-order.ts';
import { consistencyToken } from '../../../api/reads/consistency.ts';
import type { Place } from '../../../api/reads/position-waits.ts';
import type { LoggedEvent } from '../../../api/reads/tail-memory.ts';
import type { IdOrigin, OrderCreated } from '../../../shared/order/events.ts';
import type { OrderStatus } from '../../../shared/order/lifecycle.ts';
import { evolve, type Order } from '../../../shared/order/order.ts';
import { orderView } from '../../../shared/order/order-view.ts';
import type { RequestedChange } from '../../../shared/order/ruled-out.ts';
import type { StoredOrder } from '../../../shared/postgres/order-rows.ts';
import { AppError } from '../../../shared/runtime/app-error.ts';
import type { Slot } from '../fleet.ts';
import type { Process } from '../kernel/process.ts';
import type { World } from '../world.ts';
import { call, callForChange, type Reply } from './call.ts';

export interface Desk {
  instances: readonly Slot<ApiParts>[];
  submit: (instance: Slot<ApiParts>, submission: Submission) => Promise<Reply<Submitted>>;
  /** `amendment`: it is to have these items, priced as a submission is, whatever the command asks for. */
  command: (instance: Slot<ApiParts>, command: OrderCommand, amendment?: SentLines) => Promise<Reply<Commanded>>;
  /** `after`: a place that the answer must contain. */
  read: (instance: Slot<ApiParts>, orderId: string, after?: { place: Place; version: number }) => Promise<Reply<StoredOrder | null>>;
  /** Ids of orders that somebody has a 201 for. */
  acknowledged: ReadonlySet<string>;
  /** At rest: what was refused without a record has none. */
  checkDenied: () => void;
}

const HISTORY_MAX = 500;
const RETRY_LATER = new Set(['LOG_UNAVAILABLE', 'LOG_OVERLOADED', 'DATABASE_UNAVAILABLE']);

/** Who has made the id: it says whether somebody else may come with the same (R5). */
const originOf = ({ orderId, idempotencyKey, batchId }: Submission): IdOrigin => {
  if (idempotencyKey !== null) return 'key';
  if (orderId === null) return 'server';
  return batchId === undefined ? 'client' : 'batch';
};

const amendTo = ({ items, totalMinor }: OrderLines): RequestedChange => ({
  name: 'OrderAmendmentRequested',
  data: { items, total_minor: totalMinor },
});

/** Whether an order with this status could still be changed so: what is refused without a record must be out of the question. */
const isPossible = (status: OrderStatus, { name }: RequestedChange): boolean =>
  status === 'pending' || (status === 'processing' && name !== 'OrderAmendmentRequested');

/** The bytes of a 201, as api/routes/orders/create.ts writes them. */
const bytesOf = (created: OrderCreated): string => JSON.stringify(orderView(evolve(null, created).order!));

export const createDesk = (world: World, instances: readonly Slot<ApiParts>[]): Desk => {
  const { sim, truth } = world;
  const acknowledged = new Set<string>();
  const chosen = new Set<string>();
  /** Attempts whose callers were told that nothing is recorded. */
  const denied = new Set<string>();
  let attempts = 0;
  /** By instance and order: the highest version it has shown. */
  const shown = new WeakMap<Process, Map<string, number>>();

  const expectRetryable = <T>(what: string, reply: Reply<T>): Reply<T> => {
    if (reply.kind === 'failed' && !(reply.error instanceof AppError && RETRY_LATER.has(reply.error.code)))
      sim.violate(`${what} failed: ${reply.error instanceof Error ? reply.error.stack : String(reply.error)}`);
    return reply;
  };
  const holdTo = (what: string, claimed: Order): void => {
    const contradiction = truth.contradiction(claimed);
    if (contradiction !== null) sim.violate(`${what}: ${contradiction}`);
  };
  /**
   * Whether an instance that stands there may show less of an order than this version: only if the read model was put back to an older state, and
   * the instance, which begins anew from it, has not read the fact again. How long that takes nobody promises; an instance may stand still.
   */
  const mayLack = (version: number, { orderId }: Order, position: number): boolean =>
    world.database.restarts > 0 && position <= (truth.orders.get(orderId)?.changes[version - 1]?.offset ?? 0);
  const noteShown = (process: Process, order: Order, position: number): void => {
    const versions = shown.get(process) ?? new Map<string, number>();
    shown.set(process, versions);
    const before = versions.get(order.orderId) ?? 0;
    if (order.version < before && !mayLack(before, order, position))
      sim.violate(`${process.name} shows version ${order.version} of ${order.orderId} after ${before}`);
    versions.set(order.orderId, Math.max(before, order.version));
  };

  const checkCreated = ({ created, replayed }: Submitted & { outcome: 'created' }, submission: Submission): void => {
    const { orderId } = created;
    const winner = truth.orders.get(orderId)?.created;
    if (winner === undefined) {
      sim.violate(`${orderId} was acknowledged, but the log does not have it`);
      return;
    }
    const isWinner = winner.id === created.id && bytesOf(winner as OrderCreated) === bytesOf(created);
    // Every copy of an entry of a batch says the same, but for when it came and what the catalogue was then.
    if (submission.batchId === undefined ? !isWinner : (winner as OrderCreated).data.user_id !== created.data.user_id)
      sim.violate(`${orderId} was acknowledged as another order`);
    if (submission.idempotencyKey !== null && created.data.command_hash !== commandHash(submission.order))
      sim.violate(`${orderId} answers another command`);
    if (submission.orderId !== null && submission.batchId === undefined) {
      if (chosen.has(orderId)) sim.violate(`the chosen ${orderId} was created twice`);
      chosen.add(orderId);
    }
    if (created.data.id_origin !== originOf(submission)) sim.violate(`the id ${orderId} is said to come from ${created.data.id_origin}`);
    if (replayed && submission.idempotencyKey === null) sim.violate(`${orderId} was replayed without a key`);
    acknowledged.add(orderId);
  };
  const nextAttempt = (): string => {
    attempts += 1;
    return `attempt-${attempts}`;
  };

  const submit: Desk['submit'] = async (instance, asked) => {
    const submission = { ...asked, correlationId: nextAttempt() };
    const reply = expectRetryable('a submission', await callForChange(world, instance, ({ submitOrder }) => submitOrder(submission)));
    if (reply.kind !== 'answer') return reply;
    const { value } = reply;
    if (value.outcome === 'overloaded') denied.add(submission.correlationId);
    sim.trace(() => `client: ${instance.name} says ${value.outcome}${value.outcome === 'created' ? ` ${value.created.orderId}` : ''}`);
    if (value.outcome === 'created') checkCreated(value, submission);
    if (value.outcome === 'id_taken' && !truth.orders.has(submission.orderId!))
      sim.violate(`${submission.orderId} is taken, but the log does not have it`);
    return reply;
  };

  /**
   * If-Match: what was done was done to a version that it names; what is refused was of no such version, or of another one meanwhile. Of
   * several only the lowest is looked at: an instance that is behind asks for one that has passed, and is refused.
   */
  const checkCondition = ({ orderId, ifMatch }: OrderCommand, versionBefore: number, commanded: Commanded): void => {
    if (ifMatch === null || ifMatch === 'any') return;
    const names = `of ${ifMatch.join(' or ')}`;
    if (commanded.outcome === 'applied' && !ifMatch.includes(commanded.order.version - 1))
      sim.violate(`${orderId} was changed in version ${commanded.order.version - 1} instead ${names}`);
    const version = truth.orders.get(orderId)?.order.version;
    if (
      commanded.outcome === 'refused' &&
      commanded.code === 'VERSION_MISMATCH' &&
      version === versionBefore &&
      version === Math.min(...ifMatch)
    )
      sim.violate(`a change ${names} of ${orderId} was refused, which had version ${version} all the time`);
  };
  /** What is refused or done without a record is impossible, or is as asked, by the log as well. */
  const checkRuledOut = ({ orderId, change }: OrderCommand, commanded: Commanded): void => {
    const status = truth.orders.get(orderId)?.order.status;
    if (commanded.outcome === 'refused' && commanded.code === 'ILLEGAL_TRANSITION' && commanded.place === null) {
      if (status !== undefined && isPossible(status, change)) sim.violate(`${change.name} of the ${status} ${orderId} was ruled out`);
    }
    if (commanded.outcome !== 'unchanged') return;
    const wanted = change.name === 'OrderStatusChangeRequested' ? change.data.status : 'cancelled';
    if (commanded.order.status !== wanted) sim.violate(`${orderId} is said to be ${wanted} already, and is ${commanded.order.status}`);
  };
  const command: Desk['command'] = async (instance, said, amendment) => {
    const asked = { ...said, correlationId: nextAttempt() };
    const wasThere = acknowledged.has(asked.orderId);
    const versionBefore = truth.orders.get(asked.orderId)?.order.version ?? 0;
    const work = async ({ commandOrder, priceLines }: ApiParts): Promise<Commanded> => {
      if (amendment !== undefined) asked.change = amendTo(await priceLines(amendment));
      return commandOrder(asked);
    };
    const reply = expectRetryable('a command', await callForChange(world, instance, work));
    if (reply.kind === 'failed') denied.add(asked.correlationId);
    if (reply.kind !== 'answer') return reply;
    const { value } = reply;
    sim.trace(() => `client: ${instance.name} says ${value.outcome} to a command for ${asked.orderId}`);
    if (value.outcome === 'not_found' && wasThere) sim.violate(`${instance.name} does not find the acknowledged ${asked.orderId}`);
    if (value.outcome === 'applied' || value.outcome === 'unchanged') holdTo('a command', value.order);
    checkCondition(asked, versionBefore, value);
    checkRuledOut(asked, value);
    if (value.outcome === 'applied' || (value.outcome === 'refused' && value.place !== null)) {
      const { partition, offset } = value.place!;
      const answer = truth.events[partition]![offset];
      const effect = value.outcome === 'applied' ? 'applied' : 'refusal';
      if (answer?.event.orderId !== asked.orderId || answer.effect !== effect)
        sim.violate(`an answer about ${asked.orderId} is not at ${partition}@${offset}`);
    }
    return reply;
  };

  /** A history is a beginning of what the log has, without holes and with the same verdicts. */
  const checkHistory = (orderId: string, history: readonly LoggedEvent[]): void => {
    if (sim.now() < world.readsSettleAt) return;
    const { partition = 0, createdOffset = 0 } = truth.orders.get(orderId) ?? {};
    const expected = truth.events[partition]!.slice(createdOffset).filter((taken) => taken?.event.orderId === orderId);
    const line = ({ offset, effect }: { offset: number; effect: string }): string => `${offset} ${effect}`;
    const [told, true_] = [history.map(line), expected.slice(0, history.length).map((taken) => line(taken!))];
    if (history.length === 0 || told.join() !== true_.join())
      sim.violate(`the history of ${orderId} is told as ${told}, by the log ${true_}`);
  };
  /** Whoever is told that the rows contain a place finds it there. */
  const checkRows = async (consistency: ApiParts['consistency'], place: Place): Promise<void> => {
    const isThere = await consistency.reached(consistencyToken(place), 'rows');
    const { nextOffset = 0 } = world.readModel.checkpoints.get(place.partition) ?? {};
    if (isThere && nextOffset <= place.offset && sim.now() >= world.readsSettleAt)
      sim.violate(`the rows are said to contain ${place.partition}@${place.offset}, they end at ${nextOffset}`);
  };

  const read: Desk['read'] = async (instance, orderId, after) => {
    const wasThere = acknowledged.has(orderId);
    const reply = await call(world, instance, async ({ orders, consistency, events, tail }) => {
      const covered = after === undefined || (await consistency.reached(consistencyToken(after.place), 'order'));
      const stored = await orders.fresh(orderId);
      const position = stored === null ? 0 : tail.position(stored.partition);
      // As it is said: answers may overtake one another on their way.
      if (stored !== null) noteShown(instance.process, stored.order, position);
      if (after !== undefined && sim.chance(0.3)) await checkRows(consistency, after.place);
      if (stored !== null && sim.chance(0.3)) checkHistory(orderId, await events.page(stored, stored.createdOffset, HISTORY_MAX));
      return { covered, stored, position };
    });
    if (reply.kind !== 'answer') return expectRetryable('a read', reply) as Reply<StoredOrder | null>;
    const { covered, stored, position } = reply.value;
    if (stored === null && wasThere) sim.violate(`${instance.name} does not find the acknowledged ${orderId}`);
    if (stored !== null) {
      holdTo(`${instance.name}`, stored.order);
      if (after !== undefined && covered && stored.order.version < after.version && !mayLack(after.version, stored.order, position))
        sim.violate(`${instance.name} shows version ${stored.order.version} of ${orderId}, its reader has seen ${after.version}`);
    }
    return { ...reply, value: stored };
  };
  const checkDenied = (): void => {
    for (const { event } of truth.events.flat().filter((taken) => taken !== null))
      if (denied.has(event.correlationId ?? ''))
        sim.violate(`${event.name} of ${event.orderId} is in the log, its caller was told that nothing is`);
  };
  return { instances, submit, command, read, acknowledged, checkDenied };
};
