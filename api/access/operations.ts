// api/access/operations.ts: what an operation is: who may do it, and what it costs.
// One row for each operationId; docs/access.md shows who may, and the tests hold both to what the routes do. A route without a row stops
// the api's start.

import type { UserRole } from './roles.ts';

/**
 * What a request uses up (api/overload/admission.ts). `append`: makes one record. `transfer`: a stream of its own length; its records pass
 * the gate of bulk-gate.ts one by one. `read`: everything else that takes work.
 */
export type WorkKind = 'append' | 'read' | 'transfer';

/** Bytes of a body: what the largest valid one has, and room for spaces and escapes. Parsing as many takes less than a millisecond. */
export const BODY_BYTES_MAX = {
  // Email and password, 510 characters of up to four bytes; or two short fields, or none.
  small: 4_096,
  // A reason, a person, a number: at most 710 characters.
  command: 16_384,
  // Name and description: 2,200 characters, of which a client may write each as an escape of twelve bytes.
  product: 32_768,
  // 100 items of 130 bytes, or of 250 when they are indented.
  order: 65_536,
} as const;

export interface Rule {
  /** Who may, with every role above it; `anyone` needs no credential. */
  least: UserRole | 'anyone';
  /** The role `fulfiller` may, too. */
  fulfiller?: true;
  /**
   * How a customer is kept to what is theirs. `order`: the order in the path is theirs, or it is 404. `list`: the filter
   * `user_id` is theirs. `data`: by the route itself, where the orders become known (a body, the frames of the feed).
   */
  own?: 'order' | 'list' | 'data';
  /** What opens this operation besides a caller's own credential. */
  also?: 'metrics_token' | 'ticket';
  /** `free`: what an operator looks at while everything else is refused. `watch`: the feed, which counts its clients itself. */
  work: WorkKind | 'free' | 'watch';
  /** Takes an Idempotency-Key: what it records it records once for each. */
  keyed?: true;
  /** How long its body may be; `lines`: a stream, whose lines may each be an order. A route that can have a body cannot do without. */
  body?: keyof typeof BODY_BYTES_MAX | 'lines';
  /** Its answers are long and alike in themselves, and contain no secret: their length would tell about it (BREACH). */
  compressed?: true;
}

export const OPERATIONS = {
  createOrder: { least: 'customer', own: 'data', work: 'append', body: 'order', keyed: true },
  listOrders: { least: 'customer', own: 'list', work: 'read', compressed: true },
  exportOrders: { least: 'customer', own: 'list', work: 'transfer', compressed: true },
  getOrder: { least: 'customer', own: 'order', work: 'read' },
  getOrderStatus: { least: 'customer', own: 'order', work: 'read' },
  listOrderEvents: { least: 'customer', own: 'order', work: 'read', compressed: true },
  getOrderRequest: { least: 'customer', own: 'order', work: 'read' },
  cancelOrder: { least: 'customer', own: 'order', work: 'append', body: 'command', keyed: true },
  amendOrder: { least: 'customer', own: 'order', work: 'append', body: 'order', keyed: true },
  replaceOrder: { least: 'customer', own: 'order', work: 'append', body: 'order', keyed: true },
  updateOrderStatus: { least: 'operator', own: 'order', work: 'append', body: 'command', keyed: true },
  redriveOrder: { least: 'operator', own: 'order', work: 'append', body: 'command', keyed: true },
  reportFulfilment: { least: 'operator', fulfiller: true, own: 'order', work: 'append', body: 'command', keyed: true },
  getOrderMetrics: { least: 'operator', work: 'read', compressed: true },
  populateOrders: { least: 'operator', work: 'transfer', body: 'small', keyed: true },
  importOrders: { least: 'operator', work: 'transfer', body: 'lines' },
  createOrderAsBefore: { least: 'customer', own: 'data', work: 'append', body: 'order', keyed: true },
  getOrderAsBefore: { least: 'customer', own: 'order', work: 'read' },

  getProduct: { least: 'customer', work: 'read' },
  listProducts: { least: 'customer', work: 'read', compressed: true },
  createProduct: { least: 'admin', work: 'append', body: 'product', keyed: true },
  updateProduct: { least: 'admin', work: 'append', body: 'product', keyed: true },
  adjustStock: { least: 'operator', work: 'append', body: 'command', keyed: true },
  getProductRequest: { least: 'operator', work: 'read' },

  createUser: { least: 'admin', work: 'read', body: 'command' },
  getUser: { least: 'admin', work: 'read' },
  listUsers: { least: 'admin', work: 'read' },
  updateUser: { least: 'admin', work: 'read', body: 'command' },
  eraseUser: { least: 'admin', work: 'read', body: 'small' },

  signIn: { least: 'anyone', work: 'read', body: 'small' },
  createFeedTicket: { least: 'customer', work: 'read', body: 'small' },
  watchOrders: { least: 'customer', own: 'data', also: 'ticket', work: 'watch' },

  getMetrics: { least: 'operator', also: 'metrics_token', work: 'free', compressed: true },
  getLiveness: { least: 'anyone', work: 'free' },
  getReadiness: { least: 'anyone', work: 'free' },
} as const satisfies Record<string, Rule>;

export type OperationId = keyof typeof OPERATIONS;

export const ruleOf = (operationId: unknown): Rule | null =>
  typeof operationId === 'string' && Object.hasOwn(OPERATIONS, operationId) ? OPERATIONS[operationId as OperationId] : null;

/** What a body of this operation may have at most; 0 for none, and for a stream. */
export const bodyBytesMax = ({ body }: Rule): number => (body === undefined || body === 'lines' ? 0 : BODY_BYTES_MAX[body]);
