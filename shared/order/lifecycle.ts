// shared/order/lifecycle.ts: the statuses of an order and the moves between them (design section 2). Data, so that the
// docs, the api and the fold read the same table. Pure; imports nothing.

export const ORDER_STATUSES = ['pending', 'processing', 'completed', 'cancelled', 'rejected'] as const;
export type OrderStatus = (typeof ORDER_STATUSES)[number];

/** Statuses in which an order still waits for something to happen. */
export const OPEN_STATUSES = ['pending', 'processing'] as const satisfies readonly OrderStatus[];

/** Which statuses each one leaves to. A status without a way out is terminal. */
export const TRANSITIONS: Readonly<Record<OrderStatus, readonly OrderStatus[]>> = {
  pending: ['processing', 'cancelled', 'rejected'],
  processing: ['completed', 'cancelled'],
  completed: [],
  cancelled: [],
  rejected: [],
};

export const isTerminal = (status: OrderStatus): boolean => TRANSITIONS[status].length === 0;

export const canMove = (from: OrderStatus, to: OrderStatus): boolean => TRANSITIONS[from].includes(to);
