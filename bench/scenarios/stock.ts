// bench/scenarios/stock.ts: how fast stock is decided when everybody wants the same product.
// The processor's own queue and ledger, all the way into PostgreSQL, against one conditional UPDATE per buyer; and against the same queue
// with a thousand products. By turns, in the same run, with the same number of clients who each wait for their answer.

import { randomUUIDv7 } from 'node:crypto';
import pg from 'pg';
import type { Ledger } from '../../processor/ledger/ledger.ts';
import { LEDGER_SCHEMA_DIRECTORY } from '../../processor/ledger/open-ledger.ts';
import { createPostgresLedger, LEDGER_SETTINGS } from '../../processor/ledger/postgres-ledger.ts';
import type { Entry } from '../../processor/orders/entry.ts';
import { createPartition, readEvent } from '../../processor/orders/partition.ts';
import { createStockQueue } from '../../processor/orders/stock-queue.ts';
import { type Database, openDatabase } from '../../shared/postgres/database.ts';
import { migrate } from '../../shared/postgres/migrate.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { createLogger } from '../../shared/runtime/logger.ts';
import type { BenchSettings } from '../bench.ts';
import { quietRounds } from '../measure/quiet-rounds.ts';
import { median } from '../measure/statistics.ts';
import { openWindow } from '../measure/window.ts';
import type { Findings } from '../report/findings.ts';
import { createdData } from '../system/created-data.ts';
import type { Environment } from '../system/environment.ts';

export interface StockBench {
  environment: Environment;
  settings: BenchSettings;
  say: (sentence: string) => void;
}

interface Round {
  naive: number;
  hot: number;
  spread: number;
  foreignCores: number;
}

/** Decides for one buyer: reserves one unit of the product. */
type Buy = (productId: string) => Promise<void>;

const SCHEMA = 'bench_ledger';
const CLIENTS = 64;
const PARTITIONS = 12;
const PRODUCTS = 1_000;
const UNITS = 1_000_000_000; // never sold out: a refusal is cheaper than a sale
const ROUNDS = { quick: 3, full: 7 };
const ROUND_MS = { quick: 1_000, full: 3_000 };
const NAIVE_UPDATE = { name: 'take', text: 'UPDATE naive_stock SET qty = qty - 1 WHERE product_id = $1 AND qty >= 1' };
const NAIVE_RATIO_MIN = 5;
const SPREAD_RATIO_MIN = 0.6;

export const stock = async ({ environment, settings, say }: StockBench): Promise<Findings> => {
  const size = settings.quick ? 'quick' : 'full';
  const database = openDatabase({
    url: environment.databaseUrl,
    schema: SCHEMA,
    applicationName: 'bench',
    maxConnections: 2,
    settings: LEDGER_SETTINGS,
  });
  const naive = new pg.Pool({ connectionString: environment.databaseUrl, max: CLIENTS, options: `-c search_path=${SCHEMA}` });
  try {
    const ledger = await prepare(database);
    const buyers = { naive: naiveBuyer(naive), ledger: ledgerBuyer(ledger) };
    const rate = (buy: Buy, products: number): Promise<number> => buyFor(ROUND_MS[size], buy, products);
    await rate(buyers.naive, 1);
    await rate(buyers.ledger, 1);

    const run = async (): Promise<Round> => {
      const window = openWindow({ processes: environment.processes, observers: [process.pid], backends: [] });
      const round = {
        naive: await rate(buyers.naive, 1),
        hot: await rate(buyers.ledger, 1),
        spread: await rate(buyers.ledger, PRODUCTS),
      };
      say(`s: one UPDATE each ${round.naive}/s; ledger ${round.hot}/s on one product, ${round.spread}/s on ${PRODUCTS}`);
      return { ...round, foreignCores: window.close().foreignCores };
    };
    const { rounds, disturbed } = await quietRounds({ wanted: ROUNDS[size], attempts: 2 * ROUNDS[size], run, say });
    return findingsOf(rounds, disturbed);
  } finally {
    await naive.end();
    await database.query(`DROP SCHEMA IF EXISTS ${SCHEMA} CASCADE`);
    await database.end();
  }
};

const productId = (index: number): string => `p${index}`;

const prepare = async (database: Database): Promise<Ledger> => {
  await database.query(`DROP SCHEMA IF EXISTS ${SCHEMA} CASCADE`);
  await migrate(database, LEDGER_SCHEMA_DIRECTORY);
  await database.query('UPDATE ledger SET complete = true');
  await database.query(
    `INSERT INTO products (product_id, version, read_version, name, price_minor, currency, put_in, created_at, updated_at, created_event_id)
     SELECT 'p' || n, 1, 1, 'any', 100, 'USD', $1, now(), now(), n::text FROM generate_series(0, $2 - 1) AS n`,
    [UNITS, PRODUCTS],
  );
  await database.query('CREATE TABLE naive_stock (product_id text COLLATE "C" PRIMARY KEY, qty bigint NOT NULL) WITH (fillfactor = 50)');
  await database.query("INSERT INTO naive_stock SELECT 'p' || n, $1 FROM generate_series(0, $2 - 1) AS n", [UNITS, PRODUCTS]);
  const ledger = createPostgresLedger(database, { newId: randomUUIDv7, now: Date.now });
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition);
  const claim = await ledger.claim('orders', partitions, new Map());
  if (!claim.ok) throw new Error(`the ledger of the bench is ${claim.reason}`);
  return ledger;
};

const naiveBuyer =
  (pool: pg.Pool): Buy =>
  async (id) => {
    const { rowCount } = await pool.query({ ...NAIVE_UPDATE, values: [id] });
    if (rowCount !== 1) throw new Error('a unit was not there');
  };

/** As the processor does it: an order in memory, a decision in the queue. */
const ledgerBuyer = (ledger: Ledger): Buy => {
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => createPartition(partition, 0, 0, 0));
  const waiting = new Map<Entry, PromiseWithResolvers<void>>();
  let orders = 0;
  const queue = createStockQueue({
    topic: 'orders',
    ledger,
    clock: systemClock,
    logger: createLogger('bench', 'warn'),
    onDecided: (partition, entry, decision) => {
      partition.orders.delete(entry.order.orderId);
      const { resolve, reject } = waiting.get(entry)!;
      waiting.delete(entry);
      if (decision === 'reserved') resolve();
      else reject(new Error(`the ledger said ${decision}`));
    },
    onFatal: (error) => {
      for (const { reject } of waiting.values()) reject(error);
    },
  });
  return (id) => {
    const partition = partitions[orders % PARTITIONS]!;
    orders += 1;
    const { entry } = readEvent(partition, orderFor(id), orders);
    const answer = Promise.withResolvers<void>();
    waiting.set(entry!, answer);
    queue.decide(partition, entry!);
    return answer.promise;
  };
};

const orderFor = (id: string) =>
  ({
    kind: 'fact',
    name: 'OrderCreated',
    version: 1,
    id: randomUUIDv7(),
    orderId: randomUUIDv7(),
    time: Date.now(),
    actor: 'anonymous',
    causationId: null,
    correlationId: null,
    data: createdData({
      user_id: '1',
      items: [{ product_id: id, quantity: 1, unit_price_minor: 100, stocked: true }],
      total_minor: 100,
    }),
  }) as const satisfies Parameters<typeof readEvent>[1];

/** CLIENTS of them, each again as soon as it has its answer. Resolves with the answers per second. */
const buyFor = async (ms: number, buy: Buy, products: number): Promise<number> => {
  const startedAt = performance.now();
  let bought = 0;
  const client = async (number: number): Promise<void> => {
    for (let n = number; performance.now() - startedAt < ms; n += CLIENTS + 1) {
      await buy(productId(n % products));
      bought += 1;
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(number)));
  return Math.round((bought / (performance.now() - startedAt)) * 1000);
};

const findingsOf = (rounds: readonly Round[], disturbed: boolean): Findings => ({
  findings: [
    {
      id: 'stock-naive-ratio',
      what: `decisions per second on one hot product, ${CLIENTS} clients ÷ one conditional UPDATE each`,
      value: median(rounds.map(({ hot, naive }) => hot / naive)),
      unit: '×',
      places: 1,
      target: { bound: 'at least', limit: NAIVE_RATIO_MIN },
      disturbed,
    },
    {
      id: 'stock-spread-ratio',
      what: `the same ÷ decisions spread over ${PRODUCTS.toLocaleString('en-US')} products`,
      value: median(rounds.map(({ hot, spread }) => hot / spread)),
      unit: '×',
      places: 2,
      target: { bound: 'at least', limit: SPREAD_RATIO_MIN },
      disturbed,
    },
  ],
  details: [
    {
      title: 'Stock',
      remarks: [
        'Decisions per second, answered after the commit. A decision of the ledger also writes the reservation and compares and sets the fence; the UPDATE only takes a unit away.',
      ],
      columns: ['round', 'one UPDATE each', 'ledger, one product', `ledger, ${PRODUCTS.toLocaleString('en-US')} products`],
      rows: rounds.map(({ naive, hot, spread }, index) => [index + 1, naive, hot, spread]),
    },
  ],
});
