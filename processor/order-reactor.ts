// processor/order-reactor.ts: from what is known of an order to the one next step. Pure; the shell (process-orders.ts) does
// the step and asks again whenever something about the order has changed.

import { answerRequest, complete, type FactDraft, type RefusalDraft, startProcessing } from '../shared/order/decider.ts';
import { isTerminal } from '../shared/order/lifecycle.ts';
import type { Entry } from './partition.ts';

export type Step =
  | { do: 'nothing' }
  /** R5: ask the read model whether this id belongs to a closed order. */
  | { do: 'look-up' }
  /** Start as soon as one of the processor's places is free. */
  | { do: 'take-slot' }
  | { do: 'fulfil' }
  | { do: 'append'; draft: FactDraft | RefusalDraft; causationId: string | null };

const NOTHING: Step = { do: 'nothing' };

/**
 * The next step for an order. Requests come before progress, in log order; nothing is done while a fact is in flight (R1)
 * or before the id is known not to belong to a closed order (R5).
 */
export const nextStep = (entry: Entry): Step => {
  const { order } = entry;
  if (entry.inFlight !== null || entry.admission === 'asked') return NOTHING;
  // A closed order needs no look-up: whichever life it is, it only refuses.
  if (entry.admission === 'unknown' && !isTerminal(order.status)) return { do: 'look-up' };
  const pending = entry.requests[0];
  if (pending) return { do: 'append', draft: answerRequest(order, pending.request), causationId: pending.request.id };
  if (isTerminal(order.status) || order.parked !== null) return NOTHING;
  if (order.status === 'pending') {
    return entry.hasSlot ? { do: 'append', draft: startProcessing(order), causationId: null } : { do: 'take-slot' };
  }
  if (entry.fulfilment === 'idle') return { do: 'fulfil' };
  return entry.fulfilment === 'done' ? { do: 'append', draft: complete(order), causationId: null } : NOTHING;
};
