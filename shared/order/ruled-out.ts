// shared/order/ruled-out.ts: what an order, as of now, rules out before a request for a change is appended to the log.
// Only what stays true for ever is said here; everything else the processor decides. Pure.

import type { EventData, OrderRequestName, ReportedOutcome, RequestContext } from './events.ts';
import { isTerminal } from './lifecycle.ts';
import type { Order } from './order.ts';

/** What a request asks for, whatever it is conditional on. */
export type RequestedChange = { [N in OrderRequestName]: { name: N; data: Omit<EventData[N], keyof RequestContext> } }[OrderRequestName];

/** `unchanged`: the order is as asked for already. `impossible` is a sentence for the caller. */
export type RuledOut = 'unchanged' | { impossible: string };

/** Null: nothing is known that speaks against it. No order moves back, so what is ruled out once is ruled out for ever. */
export const ruledOut = (order: Order, change: RequestedChange): RuledOut | null => {
  switch (change.name) {
    case 'OrderCancellationRequested':
      return order.status === 'cancelled' ? 'unchanged' : onceEnded(order, 'be cancelled');
    case 'OrderStatusChangeRequested':
      return order.status === change.data.status ? 'unchanged' : onceEnded(order, `become ${change.data.status}`);
    case 'OrderAmendmentRequested':
      return order.status === 'pending' ? null : impossible(order, 'be amended');
    case 'OrderRedriveRequested':
      // Whether it is parked changes back and forth, so what is known of it here may be old: the processor says.
      return onceEnded(order, 'be redriven');
    case 'OrderFulfilmentReported':
      return isAsReported(order, change.data.outcome) ? 'unchanged' : onceEnded(order, 'have its fulfilment reported');
  }
};

/** A report that is repeated finds the order as the first has left it. A parked one may go on later: then a report counts again. */
const isAsReported = ({ status, parked }: Order, outcome: ReportedOutcome): boolean =>
  outcome === 'done' ? status === 'completed' : status === 'processing' && parked !== null;

const onceEnded = (order: Order, what: string): RuledOut | null => (isTerminal(order.status) ? impossible(order, what) : null);

const impossible = ({ status }: Order, what: string): RuledOut => ({ impossible: `A ${status} order cannot ${what}.` });
