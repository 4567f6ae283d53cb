// api/access/operations.ts: who may do what: one row per operation, by its operationId.
// docs/access.md shows the same table, and the tests hold both to what the routes do. A route without a row stops the api's start.

import type { Role } from './roles.ts';

export interface Rule {
  /** Who may, with every role above it; `anyone` needs no credential. */
  least: Role | 'anyone';
  /**
   * How a customer is kept to what is theirs. `order`: the order in the path is theirs, or it is 404. `list`: the filter
   * `user_id` is theirs. `data`: by the route itself, where the orders become known (a body, the frames of the feed).
   */
  own?: 'order' | 'list' | 'data';
  /** What opens this operation besides a caller's own credential. */
  also?: 'metrics_token' | 'ticket';
}

export const OPERATIONS = {
  createOrder: { least: 'customer', own: 'data' },
  listOrders: { least: 'customer', own: 'list' },
  exportOrders: { least: 'customer', own: 'list' },
  getOrder: { least: 'customer', own: 'order' },
  getOrderStatus: { least: 'customer', own: 'order' },
  listOrderEvents: { least: 'customer', own: 'order' },
  getOrderRequest: { least: 'customer', own: 'order' },
  cancelOrder: { least: 'customer', own: 'order' },
  amendOrder: { least: 'customer', own: 'order' },
  replaceOrder: { least: 'customer', own: 'order' },
  updateOrderStatus: { least: 'operator', own: 'order' },
  redriveOrder: { least: 'operator', own: 'order' },
  getOrderMetrics: { least: 'operator' },
  populateOrders: { least: 'operator' },
  importOrders: { least: 'operator' },

  getProduct: { least: 'customer' },
  listProducts: { least: 'customer' },
  createProduct: { least: 'admin' },
  updateProduct: { least: 'admin' },
  adjustStock: { least: 'operator' },
  getProductRequest: { least: 'operator' },

  createUser: { least: 'admin' },
  getUser: { least: 'admin' },
  listUsers: { least: 'admin' },
  updateUser: { least: 'admin' },
  eraseUser: { least: 'admin' },

  signIn: { least: 'anyone' },
  createFeedTicket: { least: 'customer' },
  watchOrders: { least: 'customer', own: 'data', also: 'ticket' },

  getMetrics: { least: 'operator', also: 'metrics_token' },
  getLiveness: { least: 'anyone' },
  getReadiness: { least: 'anyone' },
} as const satisfies Record<string, Rule>;

export type OperationId = keyof typeof OPERATIONS;

export const ruleOf = (operationId: unknown): Rule | null =>
  typeof operationId === 'string' && Object.hasOwn(OPERATIONS, operationId) ? OPERATIONS[operationId as OperationId] : null;
