// ops/drill/acknowledged-orders.ts: orders that a drill's client was told are accepted, and what became of them.

import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../shared/runtime/app-error.ts';

export interface Tally {
  acknowledged: number;
  /** Of them: how many the service still knows, and in which state. */
  there: number;
  completed: number;
  /** Rejected or cancelled. */
  otherwiseClosed: number;
}

/** A product of which every third order takes a unit. */
export interface Stock {
  stock: number;
  reserved: number;
  sold: number;
  oversold: number;
}

export interface AcknowledgedOrders {
  /** Creates the product. */
  begin: (api: string) => Promise<void>;
  /** Submits so many orders, each of which is acknowledged. */
  submit: (api: string, count: number) => Promise<void>;
  /** Null: the service does not know the product. */
  stock: (api: string) => Promise<Stock | null>;
  /** Asks for every acknowledged order, until none is open any more or the limit is over. */
  settled: (api: string) => Promise<Tally>;
  tally: (api: string) => Promise<Tally>;
  /** Resolves when the lists, which PostgreSQL answers, know all of them: then the archive has their first records. */
  untilListed: (api: string) => Promise<void>;
  /** Submits one that is not counted, and waits for its completion. */
  nextOrder: (api: string) => Promise<void>;
}

const AT_ONCE = 8; // a client's connections; the drill measures no throughput
const SETTLED_LIMIT_MS = 120_000; // a processor that takes over waits for the end of a session of 6 s at most
const POLL_MS = 250;
const REFUSED_LIMIT_MS = 60_000; // 503 while a role catches up
const PAGE = 100;

/** `headers`: the credential of the moment. */
export const createAcknowledgedOrders = (headers: () => Record<string, string>): AcknowledgedOrders => {
  const ids: string[] = [];

  const submitOne = async (api: string, items: object): Promise<string> => {
    const deadline = performance.now() + REFUSED_LIMIT_MS;
    for (;;) {
      const response = await fetch(`${api}/orders`, {
        method: 'POST',
        headers: { ...JSON_BODY, ...headers() },
        body: JSON.stringify({ user_id: 'drill', ...items }),
      });
      const body = (await response.json()) as { order_id: string; detail?: string };
      if (response.status === 201) return body.order_id;
      if (performance.now() > deadline) throw new AppError('LOCAL_STACK', `An order was refused: ${response.status} ${body.detail}`);
      await delay(POLL_MS);
    }
  };
  const tally = async (api: string): Promise<Tally> => {
    const statuses = await eachOf(ids, async (id) => statusOf(api, id, headers));
    const count = (...wanted: (string | null)[]): number => statuses.filter((status) => wanted.includes(status)).length;
    return {
      acknowledged: ids.length,
      there: ids.length - count(null),
      completed: count('completed'),
      otherwiseClosed: count('rejected', 'cancelled'),
    };
  };
  return {
    begin: async (api) => {
      const product = { product_id: PRODUCT, name: 'Lamp', price: 19.99, stock: UNITS };
      const { status } = await fetch(`${api}/products`, {
        method: 'POST',
        headers: { ...JSON_BODY, ...headers() },
        body: JSON.stringify(product),
      });
      if (status !== 201) throw new AppError('LOCAL_STACK', `The product could not be created: ${status}.`);
    },
    submit: async (api, count) => {
      const wanted = Array.from({ length: count }, (_, at) => (at % 3 === 0 ? STOCKED_ITEMS : ITEMS));
      ids.push(...(await eachOf(wanted, (items) => submitOne(api, items))));
    },
    stock: async (api) => {
      const response = await fetch(`${api}/products/${PRODUCT}`, { headers: headers() });
      if (!response.ok) return null;
      const { stock, reserved, sold, oversold } = (await response.json()) as Stock;
      return { stock, reserved, sold, oversold };
    },
    tally,
    settled: async (api) => {
      const deadline = performance.now() + SETTLED_LIMIT_MS;
      for (;;) {
        const now = await tally(api);
        if (now.there === now.completed + now.otherwiseClosed || performance.now() > deadline) return now;
        await delay(POLL_MS);
      }
    },
    untilListed: async (api) => {
      const deadline = performance.now() + SETTLED_LIMIT_MS;
      while ((await countListed(api, headers)) < ids.length) {
        if (performance.now() > deadline) throw new AppError('LOCAL_STACK', 'The lists do not know all orders.');
        await delay(POLL_MS);
      }
    },
    nextOrder: async (api) => {
      const begun = performance.now();
      const id = await submitOne(api, ITEMS);
      while ((await statusOf(api, id, headers)) !== 'completed') {
        if (performance.now() - begun > SETTLED_LIMIT_MS) throw new AppError('LOCAL_STACK', `The order ${id} is not completed.`);
        await delay(POLL_MS);
      }
    },
  };
};

const PRODUCT = 'drill-lamp';
const UNITS = 1_000;
const JSON_BODY = { 'content-type': 'application/json' };
const STOCKED_ITEMS = { items: [{ product_id: PRODUCT, quantity: 1 }] };
const ITEMS = { item_ids: '5,6,7', total_amount: 299.99 };

type Headers = () => Record<string, string>;

const statusOf = async (api: string, id: string, headers: Headers): Promise<string | null> => {
  const deadline = performance.now() + REFUSED_LIMIT_MS;
  for (;;) {
    const response = await fetch(`${api}/orders/${id}`, { headers: headers() });
    const body = (await response.json()) as { status: string; detail?: string };
    if (response.ok) return body.status;
    if (response.status === 404) return null;
    if (performance.now() > deadline)
      throw new AppError('LOCAL_STACK', `The order ${id} cannot be read: ${response.status} ${body.detail}`);
    await delay(POLL_MS);
  }
};

const countListed = async (api: string, headers: Headers): Promise<number> => {
  let listed = 0;
  for (let cursor: string | null = ''; cursor !== null; ) {
    const after: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const response = await fetch(`${api}/orders?user_id=drill&limit=${PAGE}${after}`, { headers: headers() });
    if (!response.ok) return 0;
    const page = (await response.json()) as { orders: unknown[]; next_cursor: string | null };
    listed += page.orders.length;
    cursor = page.next_cursor;
  }
  return listed;
};

/** A few at a time, in order. */
const eachOf = async <T, R>(all: readonly T[], work: (each: T) => Promise<R>): Promise<R[]> => {
  const results = new Array<R>(all.length);
  const rest = all.entries();
  const lane = async (): Promise<void> => {
    for (const [at, each] of rest) results[at] = await work(each);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return results;
};
