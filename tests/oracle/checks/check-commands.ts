// tests/oracle/checks/check-commands.ts: requests and their answers.
// Every request in the log has one effective answer, and callers were told what the log says.

import type { Findings } from '../findings.ts';
import { type Folded, isOpen, type RawEvent } from '../fold.ts';
import type { CommandEntry } from '../journal.ts';

/** How many requests the log has. */
export const checkCommands = (entries: readonly CommandEntry[], { orders, verdicts }: Folded, { find }: Findings): number => {
  const requests = verdicts.filter(({ effect }) => effect === 'request').map(({ event }) => event!);
  const answers = answersIn(verdicts);
  const asked = Map.groupBy(requests, ({ correlationId }) => correlationId);
  const known = new Set(entries.flatMap(({ attempts }) => attempts));

  for (const request of new Map(requests.map((each) => [each.id, each])).values()) {
    const given = answers.get(request.id) ?? [];
    const what = `request ${request.id} (${request.name}) of order ${request.orderId}`;
    if (given.length === 0) find('unanswered', what);
    if (new Set(given.map(({ id }) => id)).size > 1) find('doubled', `${what} has ${given.length} effective answers`);
    if (!known.has(request.correlationId ?? '')) find('phantom', `${what}: nobody asked for it`);
  }

  for (const entry of entries) {
    const { orderId, outcome, order: seen } = entry;
    const what = `a command for order ${orderId} (${entry.attempts.at(-1)})`;
    if (entry.status === 500) find('defect', what);
    const recorded = entry.attempts.flatMap((attempt) => asked.get(attempt) ?? []);
    const order = orders.get(orderId);
    const facts = recorded.flatMap(({ id }) => answers.get(id) ?? []).filter(({ version }) => version !== null);
    if (outcome === 'pending' && recorded.length === 0) find('lost', `${what} was answered 202`);
    if (outcome === 'refused' && facts.length > 0) find('phantom', `${what} was told ${entry.status} ${entry.code}, and took effect`);
    if (entry.code === 'ORDER_NOT_FOUND' && order !== undefined) find('stale', `${what} was told that there is no such order`);
    if (outcome !== 'ok' || seen === null) continue;
    const then = order?.history[seen.version - 1];
    if (then === undefined) find('lost', `${what} was answered with version ${seen.version}`);
    else if (then.status !== seen.status || then.totalMinor !== seen.totalMinor) {
      find('misanswered', `${what}: version ${seen.version} is ${JSON.stringify(then)}, and was shown as ${JSON.stringify(seen)}`);
    }
    if (facts.some(({ version }) => version !== seen.version)) find('misanswered', `${what} was shown another version than its own`);
  }
  return requests.length;
};

/** Effective answers by the id of their request. */
const answersIn = (verdicts: Folded['verdicts']): Map<string, RawEvent[]> => {
  const effective = verdicts.filter(({ effect, event }) => (effect === 'applied' || effect === 'refusal') && event!.causationId !== null);
  return Map.groupBy(
    effective.map(({ event }) => event!),
    ({ causationId }) => causationId!,
  );
};

/** What still has to happen before the log says everything: the orders that are not at an end, and requests without an answer. */
export const unfinished = ({ orders, verdicts }: Folded): { orders: string[]; requests: string[] } => {
  const answers = answersIn(verdicts);
  const requests = verdicts.filter(({ effect, event }) => effect === 'request' && !answers.has(event!.id));
  return {
    orders: [...orders.values()].filter((order) => isOpen(order) && !order.parked).map(({ orderId }) => orderId),
    requests: requests.map(({ event }) => event!.id),
  };
};
