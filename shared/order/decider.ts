// shared/order/decider.ts: what the processor decides. A request against an order becomes the fact it asks for or a refusal
// with a code; an open order without requests moves one step along its lifecycle. Pure: values in, a draft out; the shell
// gives it an id, a time and a version.

import type { DecidedName } from './event-types.ts';
import type { EventData, FactContext, OrderFactName, OrderRequest, ReportData } from './events.ts';
import { canMove, type OrderStatus } from './lifecycle.ts';
import type { Order } from './order.ts';
import type { StockLine } from './stock.ts';

/** A fact to append, not yet stamped with id, version and time. */
export type FactDraft = { [N in DecidedFactName]: { kind: 'fact'; name: N; data: EventData[N] } }[DecidedFactName];
type DecidedFactName = Extract<OrderFactName, DecidedName>;
export type RefusalDraft = { kind: 'refusal'; name: 'OrderRequestRefused'; data: EventData['OrderRequestRefused'] };

/** `reserved`: what the ledger holds for the order; nothing without stocked items. */
export const startProcessing = (order: Order, reserved: readonly StockLine[]): FactDraft => ({
  kind: 'fact',
  name: 'OrderProcessing',
  data: { ...context(order), reserved: [...reserved] },
});

const OUT_OF_STOCK = 'OUT_OF_STOCK';
/** Of a report that does not say why. */
export const FULFILMENT_FAILED = 'FULFILMENT_FAILED';

export const rejectOutOfStock = (order: Order): FactDraft => ({
  kind: 'fact',
  name: 'OrderRejected',
  data: { ...context(order), code: OUT_OF_STOCK, reason: null },
});

/** By hand the order is not rejected: it stays pending until there is stock, or until it is its turn anyway. */
export const refuseOutOfStock = (): RefusalDraft => refuse(OUT_OF_STOCK, 'There is not enough stock for this order now.');

export const complete = (order: Order): FactDraft => ({ kind: 'fact', name: 'OrderCompleted', data: context(order) });

/** Fulfilment has failed for good, or as often as it may, or is overdue: the order waits for an operator, alone. */
export const park = (
  order: Order,
  { failure, attempts }: { failure: { code: string; detail: string | null }; attempts: number },
): FactDraft => ({
  kind: 'fact',
  name: 'OrderParked',
  data: { ...context(order), code: failure.code, attempts, ...(failure.detail === null ? {} : { detail: failure.detail }) },
});

/** The endpoint has the order and will report. Nothing is sent to it again, unless the order is parked and redriven. */
export const acceptFulfilment = (order: Order, reference: string | null): FactDraft => ({
  kind: 'fact',
  name: 'OrderFulfilmentAccepted',
  data: { ...context(order), reference },
});

/** The answer to a request, given the order as the log has it. `null`: the log has no such order (any more). */
export const answerRequest = (order: Order | null, request: OrderRequest): FactDraft | RefusalDraft => {
  if (order === null) return refuse('ORDER_NOT_FOUND', 'There is no open order with this id.');
  const { expected_version: expected } = request.data;
  if (expected !== null && expected !== order.version) {
    return refuse('VERSION_MISMATCH', `The order has version ${order.version}, not ${expected}.`);
  }
  switch (request.name) {
    case 'OrderCancellationRequested':
      return moveTo(order, 'cancelled', request.data.reason);
    case 'OrderStatusChangeRequested':
      return moveTo(order, request.data.status, request.data.reason);
    case 'OrderAmendmentRequested':
      if (order.status !== 'pending') return illegal(order, 'be amended');
      return {
        kind: 'fact',
        name: 'OrderAmended',
        data: { ...context(order), items: request.data.items, total_minor: request.data.total_minor },
      };
    case 'OrderRedriveRequested':
      if (order.parked === null) return illegal(order, 'be redriven: it is not parked');
      return { kind: 'fact', name: 'OrderUnparked', data: context(order) };
    case 'OrderFulfilmentReported':
      return endFulfilment(order, request.data);
  }
};

/** Also before the endpoint's acceptance is in the log: a report may be faster. */
const endFulfilment = (order: Order, { outcome, code, detail, reference }: ReportData): FactDraft | RefusalDraft => {
  if (order.status !== 'processing') return illegal(order, 'have its fulfilment reported');
  const expected = order.accepted?.reference ?? null;
  if (reference !== null && expected !== null && reference !== expected) {
    return refuse('REFERENCE_MISMATCH', 'The order was accepted under another reference than the one that is reported.');
  }
  if (outcome === 'done') return complete(order);
  if (order.parked !== null) return illegal(order, 'fail again: it is parked');
  return park(order, { failure: { code: code ?? FULFILMENT_FAILED, detail }, attempts: 0 });
};

const moveTo = (order: Order, status: OrderStatus, reason: string | null): FactDraft | RefusalDraft => {
  if (!canMove(order.status, status)) return illegal(order, `become ${status}`);
  if (status === 'processing') return startProcessing(order, []);
  if (status === 'completed') return complete(order);
  if (status === 'cancelled') return { kind: 'fact', name: 'OrderCancelled', data: { ...context(order), reason } };
  return illegal(order, `be made ${status} by request`);
};

const context = (order: Order): FactContext => ({ user_id: order.userId, previous_status: order.status });

const illegal = (order: Order, what: string): RefusalDraft => refuse('ILLEGAL_TRANSITION', `A ${order.status} order cannot ${what}.`);

const refuse = (code: string, detail: string): RefusalDraft => ({ kind: 'refusal', name: 'OrderRequestRefused', data: { code, detail } });
