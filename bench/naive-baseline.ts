// bench/naive-baseline.ts: what the service is compared with.
// Fastify, one INSERT per request, two UPDATEs per order from a queue in memory, in the same PostgreSQL with the same settings. It loses
// what is queued when it dies; that is its point. Not made slow: prepared statements, a pool, no index but the primary key, no logging, no
// events, no feed.

import { randomUUIDv7 } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { type FastifyInstance, fastify } from 'fastify';
import pg, { type Pool } from 'pg';

export interface NaiveBaselineSettings {
  databaseUrl: string;
  schema: string;
}

interface Body {
  user_id: string;
  items: { product_id: string; quantity?: number }[];
  total_amount: number;
}

// Of 8, 16, 32 and 64 connections the number with the highest rate on two cores; half of them for the queue, so that neither
// requests nor the queue starve.
const CONNECTIONS = 16;
const WORKERS = CONNECTIONS / 2;

const ID = { type: 'string', pattern: '^[A-Za-z0-9_.:-]{1,64}$' };
const BODY = {
  type: 'object',
  additionalProperties: false,
  required: ['user_id', 'items', 'total_amount'],
  properties: {
    user_id: ID,
    items: {
      type: 'array',
      minItems: 1,
      maxItems: 100,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['product_id'],
        properties: { product_id: ID, quantity: { type: 'integer', minimum: 1, maximum: 10_000 } },
      },
    },
    total_amount: { type: 'number', minimum: 0, maximum: 9_999_999_999.99 },
  },
};

const TABLE = `
  CREATE TABLE orders (
    order_id text COLLATE "C" PRIMARY KEY, user_id text NOT NULL, status text NOT NULL, items jsonb NOT NULL, total_minor bigint NOT NULL,
    created_at timestamptz NOT NULL, processing_started_at timestamptz, completed_at timestamptz
  ) WITH (fillfactor = 85)`;
const INSERT = {
  name: 'insert',
  text: "INSERT INTO orders (order_id, user_id, status, items, total_minor, created_at) VALUES ($1, $2, 'pending', $3, $4, $5)",
};
const START = { name: 'start', text: "UPDATE orders SET status = 'processing', processing_started_at = now() WHERE order_id = $1" };
const COMPLETE = { name: 'complete', text: "UPDATE orders SET status = 'completed', completed_at = now() WHERE order_id = $1" };

const buildNaiveBaseline = (database: Pool): FastifyInstance => {
  const queue: string[] = [];
  let head = 0;
  let working = 0;
  let completed = 0;

  const work = async (): Promise<void> => {
    working += 1;
    while (head < queue.length) {
      const values = [queue[head++]];
      await database.query({ ...START, values });
      await database.query({ ...COMPLETE, values });
      completed += 1;
    }
    working -= 1;
    if (working === 0) head = queue.length = 0;
  };

  const app = fastify();
  app.post<{ Body: Body }>('/orders', { schema: { body: BODY } }, async ({ body }, reply) => {
    const [orderId, totalMinor, createdAt] = [randomUUIDv7(), Math.round(body.total_amount * 100), new Date()];
    await database.query({ ...INSERT, values: [orderId, body.user_id, JSON.stringify(body.items), totalMinor, createdAt] });
    queue.push(orderId);
    if (working < WORKERS) void work();
    reply.code(201).header('location', `/orders/${orderId}`);
    return { message: 'Order created', order_id: orderId, order: { ...body, order_id: orderId, status: 'pending', created_at: createdAt } };
  });
  /** How many UPDATEs to `completed` have been committed. */
  app.get('/completed', () => ({ completed }));
  return app;
};

const main = async ({ databaseUrl, schema }: NaiveBaselineSettings): Promise<void> => {
  const database = new pg.Pool({ connectionString: databaseUrl, max: CONNECTIONS, options: `-c search_path=${schema}` });
  await database.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
  await database.query(`CREATE SCHEMA ${schema}`);
  await database.query(TABLE);
  const app = buildNaiveBaseline(database);
  await app.listen({ host: '127.0.0.1', port: 0 });
  process.send!({ port: (app.server.address() as AddressInfo).port });
};

process.once('message', (settings: NaiveBaselineSettings) => void main(settings));
process.on('disconnect', () => process.exit());
