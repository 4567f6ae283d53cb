// tests/simulation/clients/answer-checks.ts: what each answer of an api is held to.
// The log as it is at that moment, and what the same instance has said before.

import type { ApiParts } from '../../../api/api.ts';
import { commandHash } from '../../../api/orders/new-order.ts';
import type { AskedChange, Commanded, OrderCommand } from '../../../api/orders/requested-change.ts';
import type { Submission, Submitted } from '../../../api/orders/submit-order.ts';
import { consistencyToken } from '../../../api/reads/consistency.ts';
import type { LogPosition } from '../../../api/reads/position-waits.ts';
import type { LoggedEvent } from '../../../api/reads/tail-memory.ts';
import type { IdOrigin, OrderCreated } from '../../../shared/order/events.ts';
import type { OrderStatus } from '../../../shared/order/lifecycle.ts';
import { evolve, type Order } from '../../../shared/order/order.ts';
import { orderView } from '../../../shared/order/order-view.ts';
import { AppError } from '../../../shared/runtime/app-error.ts';
import type { Process } from '../kernel/process.ts';
import type { World } from '../world.ts';
import type { Reply } from './call.ts';

const RETRY_LATER = new Set(['LOG_UNAVAILABLE', 'LOG_OVERLOADED', 'DATABASE_UNAVAILABLE']);

/** Who has made the id: it says whether somebody else may come with the same (R5). */
const originOf = ({ orderId, idempotencyKey, batch }: Submission): IdOrigin => {
  if (idempotencyKey !== null) return 'key';
  if (orderId === null) return 'server';
  return batch === undefined ? 'client' : 'batch';
};

/** Whether an order with this status could still be changed so: what is refused without a record must be out of the question. */
const isPossible = (status: OrderStatus, { name }: AskedChange): boolean =>
  status === 'pending' || (status === 'processing' && name !== 'OrderAmendmentRequested');

/** The bytes of a 201, as api/routes/orders/create.ts writes them. */
const bytesOf = (created: OrderCreated): string => JSON.stringify(orderView(evolve(null, created).order!));

/** A failure is one after which a client may try again. */
export const expectRetryable = <T>({ sim }: World, what: string, reply: Reply<T>): Reply<T> => {
  if (reply.kind === 'failed' && !(reply.error instanceof AppError && RETRY_LATER.has(reply.error.code)))
    sim.violate(`${what} failed: ${reply.error instanceof Error ? reply.error.stack : String(reply.error)}`);
  return reply;
};

/** Whoever submitted hears that nothing is recorded. Not what a database that is away means: the log may have the submission by then. */
export const isDenial = (error: unknown): boolean => error instanceof AppError && error.code === 'LOG_UNAVAILABLE';

/** What is claimed of an order is what the log has made of it by now, or had. */
export const holdTo = ({ sim, truth }: World, what: string, claimed: Order): void => {
  const contradiction = truth.contradiction(claimed);
  if (contradiction !== null) sim.violate(`${what}: ${contradiction}`);
};

/**
 * Whether an instance that stands there may show less of an order than this version: only if the read model was put back to an older state, and
 * the instance, which begins again from it, has not read the fact again. How long that takes nobody promises; an instance may stand still.
 */
export const mayLack = ({ database, truth }: World, version: number, { orderId }: Order, position: number): boolean =>
  database.restarts > 0 && position <= (truth.orders.get(orderId)?.changes[version - 1]?.offset ?? 0);
/** An instance shows no lower version of an order than it has shown before. */
export const createShownVersions = (world: World) => {
  /** By instance and order: the highest version it has shown. */
  const shown = new WeakMap<Process, Map<string, number>>();
  return (process: Process, order: Order, position: number): void => {
    const versions = shown.get(process) ?? new Map<string, number>();
    shown.set(process, versions);
    const before = versions.get(order.orderId) ?? 0;
    if (order.version < before && !mayLack(world, before, order, position))
      world.sim.violate(`${process.name} shows version ${order.version} of ${order.orderId} after ${before}`);
    versions.set(order.orderId, Math.max(before, order.version));
  };
};

/** A 201 is the creation that won, says what was submitted, and a chosen id has one. */
export const checkCreated = (
  { sim, truth }: World,
  chosen: Set<string>,
  { created, replayed }: Submitted & { outcome: 'created' },
  submission: Submission,
): void => {
  const { orderId } = created;
  const winner = truth.orders.get(orderId)?.created;
  if (winner === undefined) {
    sim.violate(`${orderId} was acknowledged, but the log does not have it`);
    return;
  }
  const isWinner = winner.id === created.id && bytesOf(winner as OrderCreated) === bytesOf(created);
  // Every copy of an entry of a batch says the same, but for when it came and what the catalogue was then.
  if (submission.batch === undefined ? !isWinner : (winner as OrderCreated).data.user_id !== created.data.user_id)
    sim.violate(`${orderId} was acknowledged as another order`);
  if (submission.idempotencyKey !== null && created.data.command_hash !== commandHash(submission.order))
    sim.violate(`${orderId} answers another command`);
  if (submission.orderId !== null && submission.batch === undefined) {
    if (chosen.has(orderId)) sim.violate(`the chosen ${orderId} was created twice`);
    chosen.add(orderId);
  }
  if (created.data.id_origin !== originOf(submission)) sim.violate(`the id ${orderId} is said to come from ${created.data.id_origin}`);
  if (replayed && submission.idempotencyKey === null) sim.violate(`${orderId} was replayed without a key`);
};
/**
 * If-Match: what was done was done to a version that it names; what is refused was of no such version, or of another one meanwhile. Of
 * several only the lowest is looked at: an instance that is behind asks for one that has passed, and is refused.
 */
export const checkCondition = (
  { sim, truth }: World,
  { orderId, ifMatch, idempotencyKey }: OrderCommand,
  versionBefore: number,
  commanded: Commanded,
): void => {
  if (ifMatch === null || ifMatch === 'any') return;
  const names = `of ${ifMatch.join(' or ')}`;
  if (commanded.outcome === 'applied' && !ifMatch.includes(commanded.order.version - 1))
    sim.violate(`${orderId} was changed in version ${commanded.order.version - 1} instead ${names}`);
  if (idempotencyKey !== null) return; // an earlier request's refusal is the answer for ever
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
export const checkRuledOut = ({ sim, truth }: World, { orderId, asked }: OrderCommand, commanded: Commanded): void => {
  const status = truth.orders.get(orderId)?.order.status;
  if (commanded.outcome === 'refused' && commanded.code === 'ILLEGAL_TRANSITION' && commanded.place === null) {
    if (status !== undefined && isPossible(status, asked)) sim.violate(`${asked.name} of the ${status} ${orderId} was ruled out`);
  }
  if (commanded.outcome !== 'unchanged') return;
  const { order } = commanded;
  if (!isAsAsked(order, asked)) sim.violate(`${orderId}, which is ${order.status}, is said to be as ${JSON.stringify(asked)} asks already`);
};

const isAsAsked = ({ status, parked }: Order, asked: AskedChange): boolean => {
  if (asked.name === 'OrderStatusChangeRequested') return status === asked.data.status;
  if (asked.name === 'OrderFulfilmentReported') return asked.data.outcome === 'done' ? status === 'completed' : parked !== null;
  return asked.name === 'OrderCancellationRequested' && status === 'cancelled';
};

/** A history is a beginning of what the log has, without holes and with the same verdicts. */
export const checkHistory = (world: World, orderId: string, history: readonly LoggedEvent[]): void => {
  const { sim, truth } = world;
  if (sim.now() < world.readsSettleAt) return;
  const { partition = 0, createdOffset = 0 } = truth.orders.get(orderId) ?? {};
  const expected = truth.events[partition]!.slice(createdOffset).filter((taken) => taken?.event.orderId === orderId);
  const line = ({ offset, effect }: { offset: number; effect: string }): string => `${offset} ${effect}`;
  const [told, true_] = [history.map(line), expected.slice(0, history.length).map((taken) => line(taken!))];
  if (history.length === 0 || told.join() !== true_.join())
    sim.violate(`the history of ${orderId} is told as ${told}, by the log ${true_}`);
};

/** Rows that are said to contain a place contain it. */
export const checkRows = async (world: World, consistency: ApiParts['consistency'], place: LogPosition): Promise<void> => {
  const { sim } = world;
  const isThere = await consistency.reached(consistencyToken(place), 'rows');
  const { nextOffset = 0 } = world.readModel.checkpoints.get(place.partition) ?? {};
  if (isThere && nextOffset <= place.offset && sim.now() >= world.readsSettleAt)
    sim.violate(`the rows are said to contain ${place.partition}@${place.offset}, they end at ${nextOffset}`);
};

/** What was applied, or refused by a record, is where the answer says. */
export const checkPlace = ({ sim, truth }: World, { orderId }: OrderCommand, commanded: Commanded): void => {
  if (commanded.outcome !== 'applied' && (commanded.outcome !== 'refused' || commanded.place === null)) return;
  const { partition, offset } = commanded.place!;
  const answer = truth.events[partition]![offset];
  const effect = commanded.outcome === 'applied' ? 'applied' : 'refusal';
  if (answer?.event.orderId !== orderId || answer.effect !== effect)
    sim.violate(`an answer about ${orderId} is not at ${partition}@${offset}`);
};
