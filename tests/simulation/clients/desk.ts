// tests/simulation/clients/desk.ts: how the clients of a world ask its api, and what they hold it to: each answer is compared with what
// the log says at that moment, and with what the same instance has said before.

import type { ApiParts } from '../../../api/api.ts';
import type { Commanded, OrderCommand } from '../../../api/command-order.ts';
import { consistencyToken } from '../../../api/consistency.ts';
import { commandHash } from '../../../api/new-order.ts';
import type { Place } from '../../../api/position-waits.ts';
import type { Submission, Submitted } from '../../../api/submit-order.ts';
import type { OrderCreated } from '../../../shared/order/events.ts';
import { evolve, type Order } from '../../../shared/order/order.ts';
import { orderView } from '../../../shared/order/order-view.ts';
import type { StoredOrder } from '../../../shared/postgres/order-rows.ts';
import { AppError } from '../../../shared/runtime/app-error.ts';
import type { Process } from '../kernel/simulation.ts';
import type { Slot } from '../roles/fleet.ts';
import type { World } from '../world.ts';
import { call, type Reply } from './call.ts';

export interface Desk {
  instances: readonly Slot<ApiParts>[];
  submit: (instance: Slot<ApiParts>, submission: Submission) => Promise<Reply<Submitted>>;
  command: (instance: Slot<ApiParts>, command: OrderCommand) => Promise<Reply<Commanded>>;
  /** `after`: a place that the answer must contain. */
  read: (instance: Slot<ApiParts>, orderId: string, after?: { place: Place; version: number }) => Promise<Reply<StoredOrder | null>>;
  /** Ids of orders that somebody has a 201 for. */
  acknowledged: ReadonlySet<string>;
}

const RETRY_LATER = new Set(['LOG_UNAVAILABLE', 'LOG_OVERLOADED', 'DATABASE_UNAVAILABLE']);

/** The bytes of a 201, as api/routes/orders/create.ts writes them. */
const bytesOf = (created: OrderCreated): string => JSON.stringify(orderView(evolve(null, created).order!));

export const createDesk = (world: World, instances: readonly Slot<ApiParts>[]): Desk => {
  const { sim, truth } = world;
  const acknowledged = new Set<string>();
  const chosen = new Set<string>();
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
  const noteShown = (process: Process, order: Order, mayGoBack: boolean): void => {
    const versions = shown.get(process) ?? new Map<string, number>();
    shown.set(process, versions);
    const before = versions.get(order.orderId) ?? 0;
    if (order.version < before && !mayGoBack)
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
    if (winner.id !== created.id || bytesOf(winner as OrderCreated) !== bytesOf(created))
      sim.violate(`${orderId} was acknowledged as another order`);
    if (submission.idempotencyKey !== null && created.data.command_hash !== commandHash(submission.order))
      sim.violate(`${orderId} answers another command`);
    if (submission.orderId !== null && chosen.has(orderId)) sim.violate(`the chosen ${orderId} was created twice`);
    if (submission.orderId !== null) chosen.add(orderId);
    if (replayed && submission.idempotencyKey === null) sim.violate(`${orderId} was replayed without a key`);
    acknowledged.add(orderId);
  };
  const submit: Desk['submit'] = async (instance, submission) => {
    const reply = expectRetryable('a submission', await call(world, instance, ({ submitOrder }) => submitOrder(submission)));
    if (reply.kind !== 'answer') return reply;
    const { value } = reply;
    sim.trace(() => `client: ${instance.name} says ${value.outcome}${value.outcome === 'created' ? ` ${value.created.orderId}` : ''}`);
    if (value.outcome === 'created') checkCreated(value, submission);
    if (value.outcome === 'id_taken' && !truth.orders.has(submission.orderId!))
      sim.violate(`${submission.orderId} is taken, but the log does not have it`);
    return reply;
  };

  const command: Desk['command'] = async (instance, asked) => {
    const wasThere = acknowledged.has(asked.orderId);
    const reply = expectRetryable('a command', await call(world, instance, ({ commandOrder }) => commandOrder(asked)));
    if (reply.kind !== 'answer') return reply;
    const { value } = reply;
    sim.trace(() => `client: ${instance.name} says ${value.outcome} to a command for ${asked.orderId}`);
    if (value.outcome === 'not_found' && wasThere) sim.violate(`${instance.name} does not find the acknowledged ${asked.orderId}`);
    if (value.outcome === 'applied' || value.outcome === 'unchanged') holdTo('a command', value.order);
    if (value.outcome === 'applied' || (value.outcome === 'refused' && value.place !== null)) {
      const { partition, offset } = value.place!;
      const answer = truth.events[partition]![offset];
      const effect = value.outcome === 'applied' ? 'applied' : 'refusal';
      if (answer?.event.orderId !== asked.orderId || answer.effect !== effect)
        sim.violate(`an answer about ${asked.orderId} is not at ${partition}@${offset}`);
    }
    return reply;
  };

  const read: Desk['read'] = async (instance, orderId, after) => {
    const wasThere = acknowledged.has(orderId);
    const reply = await call(world, instance, async ({ orders, consistency }) => {
      const covered = after === undefined || (await consistency.reached(consistencyToken(after.place), 'order'));
      return { covered, stored: await orders.fresh(orderId) };
    });
    if (reply.kind !== 'answer') return expectRetryable('a read', reply) as Reply<StoredOrder | null>;
    const { covered, stored } = reply.value;
    const mayGoBack = sim.now() < world.readsSettleAt;
    if (stored === null && wasThere) sim.violate(`${instance.name} does not find the acknowledged ${orderId}`);
    if (stored !== null) {
      holdTo(`${instance.name}`, stored.order);
      noteShown(reply.from, stored.order, mayGoBack);
      if (after !== undefined && covered && stored.order.version < after.version && !mayGoBack)
        sim.violate(`${instance.name} shows version ${stored.order.version} of ${orderId}, its reader has seen ${after.version}`);
    }
    return { ...reply, value: stored };
  };
  return { instances, submit, command, read, acknowledged };
};
