// tests/simulation/clients/client-driver.ts: how the clients of a world ask its api, and what they hold it to.
// Each answer is compared with what the log says at that moment, and with what the same instance has said before.

import type { ApiParts } from '../../../api/api.ts';
import type { Commanded, OrderCommand } from '../../../api/orders/requested-change.ts';
import type { Submission, Submitted } from '../../../api/orders/submit-order.ts';
import { consistencyToken } from '../../../api/reads/consistency.ts';
import type { LogPosition } from '../../../api/reads/position-waits.ts';
import type { StoredOrder } from '../../../shared/postgres/tables/order-rows.ts';
import type { Slot } from '../fleet.ts';
import type { World } from '../world.ts';
import {
  checkCondition,
  checkCreated,
  checkHistory,
  checkPlace,
  checkRows,
  checkRuledOut,
  createShownVersions,
  expectRetryable,
  holdTo,
  isDenial,
  mayLack,
} from './answer-checks.ts';
import { call, callForChange, type Reply } from './call.ts';
import { createKeyedAnswers } from './keyed-answers.ts';

export interface ClientDriver {
  instances: readonly Slot<ApiParts>[];
  submit: (instance: Slot<ApiParts>, submission: Submission) => Promise<Reply<Submitted>>;
  command: (instance: Slot<ApiParts>, command: OrderCommand) => Promise<Reply<Commanded>>;
  /** `after`: a place that the answer must contain. */
  read: (instance: Slot<ApiParts>, orderId: string, after?: { place: LogPosition; version: number }) => Promise<Reply<StoredOrder | null>>;
  /** Ids of orders that somebody has a 201 for. */
  acknowledged: ReadonlySet<string>;
  /** At rest: what was refused without a record has none. */
  checkDenied: () => void;
}

const HISTORY_MAX = 500;

export const createClientDriver = (world: World, instances: readonly Slot<ApiParts>[]): ClientDriver => {
  const { sim, truth } = world;
  const acknowledged = new Set<string>();
  const chosen = new Set<string>();
  /** Attempts whose callers were told that nothing is recorded. */
  const denied = new Set<string>();
  let attempts = 0;
  const noteShown = createShownVersions(world);
  const keyedAnswers = createKeyedAnswers(world);

  const nextAttempt = (): string => {
    attempts += 1;
    return `attempt-${attempts}`;
  };

  const submit: ClientDriver['submit'] = async (instance, asked) => {
    const submission = { ...asked, correlationId: nextAttempt() };
    const reply = expectRetryable(
      world,
      'a submission',
      await callForChange(world, instance, ({ submitOrder }) => submitOrder(submission)),
    );
    if (reply.kind === 'failed' && isDenial(reply.error)) denied.add(submission.correlationId);
    if (reply.kind !== 'answer') return reply;
    const { value } = reply;
    if (value.outcome === 'overloaded') denied.add(submission.correlationId);
    sim.trace(() => `client: ${instance.name} says ${value.outcome}${value.outcome === 'created' ? ` ${value.created.orderId}` : ''}`);
    if (value.outcome === 'created') {
      checkCreated(world, chosen, value, submission);
      if (truth.orders.has(value.created.orderId)) acknowledged.add(value.created.orderId);
    }
    if (value.outcome === 'id_taken' && !truth.orders.has(submission.orderId!))
      sim.violate(`${submission.orderId} is taken, but the log does not have it`);
    return reply;
  };

  const command: ClientDriver['command'] = async (instance, said) => {
    const asked = { ...said, correlationId: nextAttempt() };
    const wasThere = acknowledged.has(asked.orderId);
    const versionBefore = truth.orders.get(asked.orderId)?.order.version ?? 0;
    const checkKeyed = keyedAnswers.send(asked);
    const reply = expectRetryable(world, 'a command', await callForChange(world, instance, ({ commandOrder }) => commandOrder(asked)));
    if (reply.kind === 'failed') denied.add(asked.correlationId);
    if (reply.kind !== 'answer') return reply;
    const { value } = reply;
    sim.trace(() => `client: ${instance.name} says ${value.outcome} to a command for ${asked.orderId}`);
    if (value.outcome === 'not_found' && wasThere) sim.violate(`${instance.name} does not find the acknowledged ${asked.orderId}`);
    if (value.outcome === 'applied' || value.outcome === 'unchanged') holdTo(world, 'a command', value.order);
    checkCondition(world, asked, versionBefore, value);
    checkRuledOut(world, asked, value);
    checkPlace(world, asked, value);
    checkKeyed(value);
    return reply;
  };

  const read: ClientDriver['read'] = async (instance, orderId, after) => {
    const wasThere = acknowledged.has(orderId);
    const reply = await call(world, instance, async ({ orders, consistency, events, tail }) => {
      const covered = after === undefined || (await consistency.reached(consistencyToken(after.place), 'order'));
      const stored = await orders.fresh(orderId);
      const position = stored === null ? 0 : tail.position(stored.partition);
      // As it is said: answers may overtake one another on their way.
      if (stored !== null) noteShown(instance.process, stored.order, position);
      if (after !== undefined && sim.chance(0.3)) await checkRows(world, consistency, after.place);
      if (stored !== null && sim.chance(0.3)) checkHistory(world, orderId, await events.page(stored, stored.createdOffset, HISTORY_MAX));
      return { covered, stored, position };
    });
    if (reply.kind !== 'answer') return expectRetryable(world, 'a read', reply) as Reply<StoredOrder | null>;
    const { covered, stored, position } = reply.value;
    if (stored === null && wasThere) sim.violate(`${instance.name} does not find the acknowledged ${orderId}`);
    if (stored !== null) {
      holdTo(world, `${instance.name}`, stored.order);
      if (after !== undefined && covered && stored.order.version < after.version && !mayLack(world, after.version, stored.order, position))
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
