// bench/load/order-requests.ts: the requests that the generators send.
// Valid orders, different from one another, their bytes made in advance so that sending one costs a write.

export interface OrderRequests {
  next: () => Buffer;
}

// Enough for users and products to differ as in real traffic, few enough to stay in the processor's cache.
const DIFFERENT_REQUESTS = 1_000;
const PRODUCTS = 500;

/** Repeats its requests when they are used up: the service gives every submission without a key an id of its own. */
export const createOrderRequests = (path: string): OrderRequests => {
  const requests = Array.from({ length: DIFFERENT_REQUESTS }, (_, index) => requestOf(path, index));
  let sent = 0;
  return {
    next: () => {
      sent = sent === DIFFERENT_REQUESTS - 1 ? 0 : sent + 1;
      return requests[sent]!;
    },
  };
};

const requestOf = (path: string, index: number): Buffer => {
  const items = Array.from({ length: 1 + (index % 3) }, (_, item) => ({
    product_id: String((index * 7 + item * 131) % PRODUCTS),
    quantity: 1 + ((index + item) % 4),
  }));
  const body = JSON.stringify({ user_id: String(100 + index), items, total_amount: (1_000 + index * 13) / 100 });
  const head = [
    `POST ${path} HTTP/1.1`,
    'host: 127.0.0.1',
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    '',
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n${body}`);
};
