// bench/scenarios/lists.ts: what lists, metrics and reads by id cost with a million orders, against ten thousand, in the same run.
// Two read models, an api on each, and the same question to both by turns.

import { join } from 'node:path';
import { Client } from 'undici';
import type { BenchSettings } from '../bench.ts';
import { isQuiet } from '../measure/quiet-rounds.ts';
import { median } from '../measure/statistics.ts';
import { openWindow } from '../measure/window.ts';
import type { Findings } from '../report/findings.ts';
import { type ServerChild, startServerChild } from '../system/child.ts';
import { CHECKOUT, type Environment } from '../system/environment.ts';
import { fillReadModel, POPULATION } from '../system/fill-read-model.ts';

export interface ListsBench {
  environment: Environment;
  settings: BenchSettings;
  say: (sentence: string) => void;
}

interface Size {
  name: string;
  orders: number;
  server: ServerChild;
  client: Client;
}

const SMALL = 10_000;
const LARGE = { quick: 100_000, full: 1_000_000 };
const PAIRS = { quick: 200, full: 1_000 };
const WARM_UP_PAIRS = 100;
const PROGRESS_EVERY_ORDERS = 100_000;
const RATIO_MAX = 1.2;

/** The middle half of all orders. */
const WINDOW = (() => {
  const at = (share: number): string => new Date(POPULATION.start + share * POPULATION.spanMs).toISOString();
  return `created_after=${at(0.25)}&created_before=${at(0.75)}`;
})();
const list = (query: string): string => `/orders?${query}`;
/** `n` counts the questions: different users, products, ids each time, the same for both sizes. */
const FILTERS: Readonly<Record<string, (n: number) => string>> = {
  'no filter': () => '',
  'status (completed)': () => 'status=completed',
  'status (pending, 2 %)': () => 'status=pending',
  'two statuses': () => 'status=pending,cancelled',
  user_id: (n) => `user_id=u${n % POPULATION.users}`,
  batch_id: (n) => `batch_id=b${n % POPULATION.batches}`,
  product_id: (n) => `product_id=p${n % POPULATION.products}`,
  'user_id and status': (n) => `user_id=u${n % POPULATION.users}&status=cancelled`,
  'batch_id and status': (n) => `batch_id=b${n % POPULATION.batches}&status=cancelled`,
};
const SHAPES: readonly { name: string; path: (n: number, orders: number) => string }[] = [
  { name: 'read by id', path: (n, orders) => `/orders/${POPULATION.orderId((n * 7_907) % orders)}` },
  { name: 'metrics', path: () => '/orders/metrics' },
  ...Object.entries(FILTERS).flatMap(([name, filter]) => [
    { name, path: (n: number) => list(filter(n)) },
    { name: `${name}, within a time`, path: (n: number) => list(`${filter(n)}&${WINDOW}`) },
    { name: `${name}, oldest first`, path: (n: number) => list(`${filter(n)}&sort=created_at`) },
  ]),
];

export const lists = async ({ environment, settings, say }: ListsBench): Promise<Findings> => {
  const scale = settings.quick ? 'quick' : 'full';
  const { databaseUrl } = environment;
  const fills: (string | number)[][] = [];
  const open = async (name: string, orders: number): Promise<Size> => {
    let told = 0;
    const onProgress = (done: number): void => {
      if (done - told < PROGRESS_EVERY_ORDERS) return;
      told = done;
      say(`l: ${done.toLocaleString('en-US')} orders in ${name}`);
    };
    const { rowsSeconds, indexesSeconds } = await fillReadModel({ databaseUrl, schema: name, orders, onProgress });
    fills.push([orders, rowsSeconds.toFixed(1), indexesSeconds.toFixed(1)]);
    const server = await startServerChild(join(CHECKOUT, 'bench', 'api-on-rows.ts'), { databaseUrl, schema: name });
    return { name, orders, server, client: new Client(`http://127.0.0.1:${server.port}`) };
  };
  const sizes: Size[] = [];
  try {
    sizes.push(await open('lists_small', SMALL), await open('lists_large', LARGE[scale]));
    const window = openWindow({
      processes: () => ({ ...environment.processes(), small: sizes[0]!.server.pid, large: sizes[1]!.server.pid }),
      observers: [process.pid],
      backends: [],
    });
    const measured = [];
    for (const { name, path } of SHAPES) {
      const [small, large] = (await askByTurns(sizes, path, PAIRS[scale])) as [number, number];
      say(`l: ${name}: ${small.toFixed(2)} and ${large.toFixed(2)} ms, ${(large / small).toFixed(2)}`);
      measured.push({ name, small, large, ratio: large / small });
    }
    const disturbed = !isQuiet(window.close());
    const worst = measured.reduce((one, other) => (other.ratio > one.ratio ? other : one));
    const orders = LARGE[scale].toLocaleString('en-US');
    return {
      findings: [
        {
          id: 'lists-ratio',
          what: `lists, metrics and reads by id at ${orders} orders ÷ at ${SMALL.toLocaleString('en-US')}, the worst of ${measured.length} shapes (${worst.name})`,
          value: worst.ratio,
          unit: '',
          places: 2,
          target: { bound: 'at most', limit: RATIO_MAX },
          disturbed,
        },
      ],
      details: [
        {
          title: 'Lists, metrics and reads by the number of orders',
          remarks: [
            `Median milliseconds of a request over HTTP, one at a time, both sizes by turns, ${PAIRS[scale]} of each; pages of 50. The read models were made with the projector's own fold and COPY.`,
          ],
          columns: ['', `${SMALL.toLocaleString('en-US')} orders`, `${orders} orders`, 'ratio'],
          rows: measured.map(({ name, small, large, ratio }) => [name, small.toFixed(2), large.toFixed(2), ratio.toFixed(2)]),
        },
        { title: 'Filling a read model', remarks: [], columns: ['orders', 'rows, s', 'indexes, s'], rows: fills },
      ],
    };
  } finally {
    await Promise.all(sizes.map(({ client, server }) => client.destroy().then(() => server.stop())));
  }
};

/** The median of each size, in milliseconds. */
const askByTurns = async (sizes: readonly Size[], path: (n: number, orders: number) => string, pairs: number): Promise<number[]> => {
  const times = sizes.map(() => [] as number[]);
  for (let n = 0; n < WARM_UP_PAIRS + pairs; n += 1) {
    // The one that is asked second finds the processor's caches warmer, or colder: by turns too.
    for (const at of n % 2 === 0 ? [0, 1] : [1, 0]) {
      const took = await ask(sizes[at]!, path(n, sizes[at]!.orders));
      if (n >= WARM_UP_PAIRS) times[at]!.push(took);
    }
  }
  return times.map(median);
};

const ask = async ({ client }: Size, path: string): Promise<number> => {
  const startedAt = performance.now();
  const { statusCode, body } = await client.request({ method: 'GET', path });
  const bytes = await body.arrayBuffer();
  const took = performance.now() - startedAt;
  if (statusCode !== 200) throw new Error(`${path} answered ${statusCode}`);
  if (path.startsWith('/orders?') && bytes.byteLength < FULL_PAGE_BYTES_MIN)
    throw new Error(`${path} is not a full page: ${bytes.byteLength} bytes`);
  return took;
};

// 50 orders of some 500 bytes: a page that is not full would make its size look cheap.
const FULL_PAGE_BYTES_MIN = 20_000;
