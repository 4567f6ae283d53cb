// bench/load/order-observer.ts: when does an accepted order show up? On the feed every order is watched; in PostgreSQL a sample,
// asked for by id in one statement, again and again while something is outstanding.

import { type Database, openDatabase } from '../../shared/postgres/database.ts';
import { type Distribution, distribution } from '../measure/statistics.ts';

export interface ObserverOptions {
  databaseUrl: string;
  schema: string;
  feedUrl: string;
  /** Every how manieth order is looked for in PostgreSQL. */
  sampleEvery: number;
}

/** Milliseconds from when the order was due. */
export interface Observed {
  createdVisible: Distribution;
  completedVisible: Distribution;
  pendingFrame: Distribution;
  completedFrame: Distribution;
  /** Orders that had not shown up as completed, in a frame or a row, when waiting for them was given up. */
  missing: number;
}

export interface OrderObserver {
  /** The PostgreSQL process that serves the looking: it belongs to the measurement, not to the system. */
  backendPid: number;
  onAccepted: (answer: { due: number; head: Buffer }) => void;
  /** Waits, within a limit, until everything accepted has shown up, and closes its connections. */
  finish: () => Promise<Observed>;
}

interface Sighting {
  due: number;
  inSample: boolean;
  createdVisible?: number;
  completedVisible?: number;
}

type Status = 'pending' | 'completed';

// The resolution of what is measured in PostgreSQL: a row is seen up to this much, and one short statement, after it could
// have been. Looking more often would cost a tenth of a core.
const LOOK_EVERY_MS = 2;
const SHOW_UP_LIMIT_MS = 10_000;
const LOOK = 'SELECT order_id, status FROM orders WHERE order_id = ANY($1::text[])';
const LOCATION_HEADER = Buffer.from('location: /orders/');

export const createOrderObserver = async (options: ObserverOptions): Promise<OrderObserver> => {
  const { sampleEvery } = options;
  const database = openDatabase({ url: options.databaseUrl, schema: options.schema, applicationName: 'bench-observer', maxConnections: 1 });
  const backendPid = (await database.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]!.pid;
  const sightings = new Map<string, Sighting>();
  /** Frames come for all orders, also before their 201 and for those of the warm-up. */
  const frames: Record<Status, Map<string, number>> = { pending: new Map(), completed: new Map() };
  const outstanding = new Set<string>();
  const feed = await openFeed(options.feedUrl, (orderId, status) => frames[status].set(orderId, performance.now()));
  let finished = false;

  const look = async (): Promise<void> => {
    if (outstanding.size === 0) return;
    for (const { orderId, completed } of await rowsOf(database, [...outstanding])) {
      const sighting = sightings.get(orderId)!;
      const now = performance.now();
      sighting.createdVisible ??= now;
      if (!completed) continue;
      sighting.completedVisible = now;
      outstanding.delete(orderId);
    }
  };
  const looking = (async () => {
    while (!finished) {
      const startedAt = performance.now();
      await look();
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, startedAt + LOOK_EVERY_MS - performance.now())));
    }
  })();

  const onAccepted = ({ due, head }: { due: number; head: Buffer }): void => {
    const orderId = orderIdOf(head);
    const inSample = sightings.size % sampleEvery === 0;
    sightings.set(orderId, { due, inSample });
    if (inSample) outstanding.add(orderId);
  };
  const notSeen = (): number =>
    [...sightings].filter(
      ([id, { inSample, completedVisible }]) => !frames.completed.has(id) || (inSample && completedVisible === undefined),
    ).length;

  const finish = async (): Promise<Observed> => {
    const deadline = performance.now() + SHOW_UP_LIMIT_MS;
    while (notSeen() > 0 && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 100));
    finished = true;
    await looking;
    feed.close();
    await database.end();
    const since = (seen: (sighting: Sighting, orderId: string) => number | undefined) =>
      distribution(
        [...sightings].flatMap(([orderId, sighting]) => {
          const at = seen(sighting, orderId);
          return at === undefined ? [] : [at - sighting.due];
        }),
      );
    return {
      createdVisible: since(({ createdVisible }) => createdVisible),
      completedVisible: since(({ completedVisible }) => completedVisible),
      pendingFrame: since((_, orderId) => frames.pending.get(orderId)),
      completedFrame: since((_, orderId) => frames.completed.get(orderId)),
      missing: notSeen(),
    };
  };
  return { backendPid, onAccepted, finish };
};

const rowsOf = async (database: Database, ids: string[]): Promise<{ orderId: string; completed: boolean }[]> => {
  const { rows } = await database.query<{ order_id: string; status: string }>({ name: 'look', text: LOOK, values: [ids] });
  return rows.map(({ order_id, status }) => ({ orderId: order_id, completed: status === 'completed' }));
};

const orderIdOf = (head: Buffer): string => {
  const from = head.indexOf(LOCATION_HEADER) + LOCATION_HEADER.length;
  if (from < LOCATION_HEADER.length) throw new Error('a 201 without a Location');
  const end = head.indexOf('\r\n', from);
  return head.toString('latin1', from, end === -1 ? head.length : end);
};

/** Resolves when subscribed. */
const openFeed = (url: string, onOrder: (orderId: string, status: Status) => void): Promise<WebSocket> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    socket.addEventListener('error', () => reject(new Error(`the feed at ${url} cannot be opened`)));
    socket.addEventListener('message', ({ data }) => {
      const frame = JSON.parse(data as string) as { type: string; order_id: string; status: string };
      if (frame.type === 'subscribed') resolve(socket);
      else if (frame.type === 'order' && (frame.status === 'pending' || frame.status === 'completed'))
        onOrder(frame.order_id, frame.status);
    });
  });
