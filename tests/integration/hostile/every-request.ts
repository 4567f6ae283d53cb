// tests/integration/hostile/every-request.ts: a request of every kind that the api takes, with its answer as usual, and while the broker or the
// database hangs.

import type { OperationId } from '../../../api/access/operations.ts';
import type { Known } from './hanging-service.ts';

/** The code of a problem, or else a status; several where each is right. */
export type Expected = readonly (string | number)[];

export interface Expectations {
  usual: Expected;
  brokerHangs: Expected;
  databaseHangs: Expected;
}

export interface Row extends Expectations {
  operation: OperationId | 'reference';
  what: string;
  method: string;
  path: string;
  body?: unknown;
  headers?: Record<string, string>;
}

const LOG = 'LOG_UNAVAILABLE';
const DATABASE = 'READ_MODEL_UNAVAILABLE';
// Appends that come when others have waited for long are refused at once.
const UNAPPENDED = [LOG, 'OVERLOADED'];

/** Needs neither, or has it in memory. */
const always = (...usual: Expected): Expectations => ({ usual, brokerHangs: usual, databaseHangs: usual });
/** Is only in the database. */
const fromDatabase = (...usual: Expected): Expectations => ({ usual, brokerHangs: usual, databaseHangs: [DATABASE] });
/** Needs to know the end of the log. */
const fromLog = (...usual: Expected): Expectations => ({ usual, brokerHangs: [LOG], databaseHangs: usual });
const fromBoth = (...usual: Expected): Expectations => ({ usual, brokerHangs: [LOG], databaseHangs: [DATABASE] });
const appends = (...usual: Expected): Expectations => ({ usual, brokerHangs: UNAPPENDED, databaseHangs: usual });
/** Looks at the database first. */
const looksAndAppends = (...usual: Expected): Expectations => ({ usual, brokerHangs: UNAPPENDED, databaseHangs: [DATABASE] });
/** The processor decides it in the database: it is accepted meanwhile. */
const appendsForLedger = (...usual: Expected): Expectations => ({ usual, brokerHangs: UNAPPENDED, databaseHangs: [202] });

type Sent = Pick<Row, 'body' | 'headers'>;
const row = (operation: Row['operation'], what: string, call: string, expectations: Expectations, sent: Sent = {}): Row => {
  const [method, path] = call.split(' ') as [string, string];
  return { operation, what, method, path, ...expectations, ...sent };
};
const key = (value: string): Record<string, string> => ({ 'idempotency-key': value });

const submissions = (tag: string): Row[] => {
  const lines = { item_ids: [1], total_amount: 1 };
  const order = (name: string, more: object = lines) => ({ user_id: `${tag}-${name}`, ...more });
  const mispriced = { items: [{ product_id: 'known', quantity: 1, unit_price: 3 }] };
  const line = (name: string, more: object = {}) => `${JSON.stringify({ ...order(name), ...more })}\n`;
  const imported = line('line') + line('keyed-line', { idempotency_key: `${tag}-line` });
  return [
    row('createOrder', 'an order', 'POST /orders', appends(201), { body: order('plain') }),
    row('createOrder', 'with a key', 'POST /orders', looksAndAppends(201), { body: order('keyed'), headers: key(`${tag}-order`) }),
    row('createOrder', 'with an id', 'POST /orders', looksAndAppends(201), { body: { order_id: `${tag}-chosen`, ...order('chosen') } }),
    row('createOrderAsBefore', 'an order', 'POST /order', appends(200), { body: order('before') }),
    row('createOrder', 'with a wrong price', 'POST /orders', fromLog('PRICE_MISMATCH'), { body: order('price', mispriced) }),
    row('populateOrders', 'a few', 'POST /orders/populate', { ...fromDatabase(201) }, { body: { total_entries: 3 } }),
    row('populateOrders', 'a batch', 'POST /orders/populate', always(201), { body: { total_entries: 3, batch_id: 'abcdef01' } }),
    row('importOrders', 'two', 'POST /orders/import', always(200), { body: imported, headers: { 'content-type': 'application/x-ndjson' } }),
  ];
};

const BEYOND_THE_END = 'c1.0.zzzz';
const reads = ({ pending, stored, token }: Known): Row[] => {
  const open = `GET /orders/${pending[0]}`;
  const then = '?at=2030-01-01T00:00:00Z';
  // Whether the log has the place is not known then, so the answer is only said to be stale.
  const noToken = { ...always('INVALID_TOKEN'), brokerHangs: [200] };
  return [
    row('listOrders', 'a page', 'GET /orders', fromDatabase(200)),
    row('listOrders', 'after a token', `GET /orders?after=${token}`, fromDatabase(200)),
    row('listOrders', 'after a token beyond the end', `GET /orders?after=${BEYOND_THE_END}`, noToken),
    row('exportOrders', 'all', 'GET /orders/export', fromDatabase(200)),
    row('getOrderMetrics', 'the numbers', 'GET /orders/metrics', fromDatabase(200)),
    row('getOrder', 'one in memory', open, always(200)),
    row('getOrder', 'one that is a row', `GET /orders/${stored}`, fromDatabase(200)),
    row('getOrder', 'an unknown one', 'GET /orders/unknown', fromBoth('ORDER_NOT_FOUND')),
    row('getOrder', 'an unknown one after a token', `GET /orders/unknown?after=${token}`, fromBoth('ORDER_NOT_FOUND')),
    row('getOrder', 'one as it was', open + then, fromDatabase(200)),
    row('getOrder', 'an unknown one as it was', `GET /orders/unknown${then}`, fromBoth('ORDER_NOT_FOUND')),
    row('getOrderAsBefore', 'one in memory', `GET /order/${pending[0]}`, always(200)),
    row('getOrderStatus', 'of one in memory', `${open}/status`, always(200)),
    row('getOrderStatus', 'of an unknown one', 'GET /orders/unknown/status', fromBoth('ORDER_NOT_FOUND')),
    row('listOrderEvents', 'of one in memory', `${open}/events`, fromDatabase(200)),
    row('listOrderEvents', 'of an unknown one', 'GET /orders/unknown/events', fromBoth('ORDER_NOT_FOUND')),
    row('getOrderRequest', 'an unknown one', `${open}/requests/unknown`, fromBoth('REQUEST_NOT_FOUND')),
  ];
};

const commands = ({ pending, stored }: Known): Row[] => {
  const [, a, b, c, d] = pending;
  const changed = { body: { item_ids: [1, 2], total_amount: 2 } };
  return [
    row('cancelOrder', 'a pending one', `POST /orders/${a}/cancel`, appends(200)),
    row('cancelOrder', 'a cancelled one', `POST /orders/${stored}/cancel`, fromDatabase(200)),
    row('cancelOrder', 'a cancelled one, with a key', `POST /orders/${stored}/cancel`, fromBoth(200), { headers: key('again') }),
    row('cancelOrder', 'an unknown one', 'POST /orders/unknown/cancel', fromBoth('ORDER_NOT_FOUND')),
    row('updateOrderStatus', 'of a pending one', `PUT /orders/${b}/status`, appends(200), { body: { status: 'cancelled' } }),
    row('amendOrder', 'a pending one', `PATCH /orders/${c}`, appends(200), changed),
    row('replaceOrder', 'a pending one', `PUT /orders/${d}`, appends(200), changed),
    row('redriveOrder', 'an unknown one', 'POST /orders/unknown/redrive', fromBoth('ORDER_NOT_FOUND')),
    row('reportFulfilment', 'of an unknown one', 'POST /orders/unknown/fulfilment', fromBoth('ORDER_NOT_FOUND'), {
      body: { outcome: 'done' },
    }),
  ];
};

const products = (tag: string): Row[] => [
  row('getProduct', 'a known one', 'GET /products/known', fromDatabase(200)),
  row('getProduct', 'an unknown one', 'GET /products/unknown', fromLog('PRODUCT_NOT_FOUND')),
  row('listProducts', 'a page', 'GET /products', fromDatabase(200)),
  row('createProduct', 'one', 'POST /products', appends(201), { body: { name: 'new', price: 1 } }),
  row('updateProduct', 'a known one', 'PUT /products/known', appendsForLedger(200), { body: { price: 2 } }),
  row('updateProduct', 'with a key', 'PUT /products/known', looksAndAppends(200), { body: { price: 2 }, headers: key(tag) }),
  row('adjustStock', 'of a known one', 'PUT /products/known/stock', appendsForLedger(200), { body: { delta: 1 } }),
  row('getProductRequest', 'an unknown one', 'GET /products/known/requests/unknown', fromDatabase(200)),
];

const people = ({ user, bearer, pending }: Known, tag: string): Row[] => [
  row('createUser', 'one', 'POST /users', fromDatabase(201, 'EMAIL_TAKEN'), {
    body: { email: `${tag}@example.com`, name: 'B', password: 'another password' },
  }),
  row('getUser', 'one', `GET /users/${user.id}`, fromDatabase(200)),
  row('listUsers', 'a page', 'GET /users', fromDatabase(200)),
  row('updateUser', 'one', `PUT /users/${user.id}`, fromDatabase(200), { body: { name: 'Ada L.' } }),
  row('eraseUser', 'an unknown one', 'DELETE /users/unknown', fromDatabase('USER_NOT_FOUND')),
  row('signIn', 'with a password', 'POST /auth', fromDatabase(200), { body: { email: user.email, password: user.password } }),
  row('createFeedTicket', 'one', 'POST /auth/ticket', always(200)),
  row('listOrders', 'by email and password', 'GET /orders', fromDatabase(200), { headers: { authorization: user.basic } }),
  // Who has called is remembered for half a minute.
  row(
    'getOrder',
    'by token',
    `GET /orders/${pending[0]}`,
    { ...always(200), databaseHangs: [200, DATABASE] },
    {
      headers: { authorization: bearer },
    },
  ),
];

const operation: Row[] = [
  row('watchOrders', 'the feed', 'GET /feed', always(101)),
  row('getMetrics', 'for Prometheus', 'GET /metrics', always(200)),
  row('getMetrics', 'as JSON', 'GET /metrics', fromDatabase(200), { headers: { accept: 'application/json' } }),
  row('getLiveness', 'of the process', 'GET /health/live', always(200)),
  row('getReadiness', 'of the process', 'GET /health/ready', { usual: [200], brokerHangs: [200, 503], databaseHangs: [200, 503] }),
  row('reference', 'its pages', 'GET /docs', always(200)),
  row('reference', 'the specification', 'GET /openapi.json', always(200)),
];

/** `tag`: another one each time that they are sent, so that what they make can be told apart. */
export const everyRequest = (known: Known, tag: string): Row[] => [
  ...submissions(tag),
  ...reads(known),
  ...commands(known),
  ...products(tag),
  ...people(known, tag),
  ...operation,
];
