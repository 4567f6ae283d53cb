// processor/orders/order-reactor.ts: from what is known of an order to the one next step.
// Pure; the shell (take-steps.ts) takes the step and asks again whenever something about the order has changed.

import {
  acceptFulfilment,
  answerRequest,
  complete,
  type FactDraft,
  park,
  type RefusalDraft,
  refuseOutOfStock,
  rejectOutOfStock,
  startProcessing,
} from '../../shared/order/decider.ts';
import { isTerminal } from '../../shared/order/lifecycle.ts';
import type { Order } from '../../shared/order/order.ts';
import { stockLines } from '../../shared/order/stock.ts';
import type { ParkCode } from '../fulfilment/fulfilment.ts';
import type { Entry } from './entry.ts';

export type Step =
  | { do: 'nothing' }
  /** R5: ask the read model whether this id belongs to a closed order. */
  | { do: 'look-up' }
  /** Start as soon as one of the processor's slots is free. */
  | { do: 'take-slot' }
  /** R4: ask the ledger whether the order's stock is there, and hold it. */
  | { do: 'decide-stock' }
  | { do: 'fulfil' }
  /** The endpoint has the order: let its deadline run, and do nothing else for it. */
  | { do: 'await-report' }
  | { do: 'append'; draft: FactDraft | RefusalDraft; causationId: string | null };

const NOTHING: Step = { do: 'nothing' };

/**
 * The next step for an order. Requests come before progress, in log order; nothing is done while a fact is in flight (R1)
 * or being decided (R1), or before the id is known not to belong to a closed order (R5).
 */
export const nextStep = (entry: Entry): Step => {
  const { order } = entry;
  if (entry.inFlight !== null || entry.duplicateCheck === 'asked' || entry.stock === 'deciding') return NOTHING;
  // A closed order needs no look-up: whichever life it is, it only refuses.
  if (entry.duplicateCheck === 'due' && !isTerminal(order.status)) return { do: 'look-up' };
  const pending = entry.requests[0];
  if (pending) {
    const draft = answerRequest(order, pending.request);
    return draft.name === 'OrderProcessing' ? start(entry, pending.request.id) : { do: 'append', draft, causationId: pending.request.id };
  }
  if (isTerminal(order.status) || order.parked !== null) return NOTHING;
  if (order.status === 'pending') {
    if (entry.stock === 'waiting') return NOTHING; // without a slot, which others can use
    return entry.hasSlot ? start(entry, null) : { do: 'take-slot' };
  }
  if (order.accepted !== null) return awaitReport(entry);
  if (entry.fulfilment === 'idle') return { do: 'fulfil' };
  if (entry.fulfilment === 'running') return NOTHING;
  return { do: 'append', draft: outcomeOf(order, entry.fulfilment), causationId: null };
};

const outcomeOf = (order: Order, fulfilment: Exclude<Entry['fulfilment'], 'idle' | 'running'>): FactDraft => {
  if (fulfilment === 'done') return complete(order);
  return fulfilment.outcome === 'accepted' ? acceptFulfilment(order, fulfilment.reference) : park(order, fulfilment);
};

const OVERDUE = {
  failure: {
    code: 'FULFILMENT_OVERDUE' satisfies ParkCode,
    detail: 'No report came within FULFILMENT_DEADLINE_MS after the endpoint accepted it.',
  },
  attempts: 0, // none has failed
};

/** Never sent again, whoever accepted it: only a redrive does that. */
const awaitReport = ({ order, report }: Entry): Step => {
  if (report === null) return { do: 'await-report' };
  return report === 'awaited' ? NOTHING : { do: 'append', draft: park(order, OVERDUE), causationId: null };
};

/** To processing, by turn or by hand (`requestId`): through the ledger, if the order takes or ever took from stock. */
const start = (entry: Entry, requestId: string | null): Step => {
  const { order, usesStock, stock, stockDecision } = entry;
  if (!usesStock) return { do: 'append', draft: startProcessing(order, []), causationId: requestId };
  if (stock === 'waiting') return NOTHING;
  if (stockDecision?.version !== order.version) return { do: 'decide-stock' };
  if (stockDecision.enough) return { do: 'append', draft: startProcessing(order, stockLines(order.items)), causationId: requestId };
  return { do: 'append', draft: requestId === null ? rejectOutOfStock(order) : refuseOutOfStock(), causationId: requestId };
};
