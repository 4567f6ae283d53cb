// tests/oracle/client.ts: the load: submissions, commands and reads at a steady rate, all from one seed.
// Each is written into the journal with what it was told. Outcomes that are unknown are asked for again with the same key.

import { attempt } from './attempt.ts';
import { createHttpClient } from './http.ts';
import type { CommandEntry, Journal, OrderSeen, ReadEntry, SubmissionEntry } from './journal.ts';
import { type Random, seeded } from './random.ts';

export interface LoadClientOptions {
  /** The api's instances as they are now. */
  urls: () => readonly string[];
  journal: Journal;
  seed: number;
  perSecond: number;
  connections?: number;
  /** Whose price is the catalogue's: orders of these are stocked. */
  products?: readonly { id: string; priceMinor: number }[];
  mix?: Partial<Record<Action, number>>;
  /** How long an unknown outcome is asked for. */
  patienceMs?: number;
}

export interface LoadClient {
  start: () => void;
  /** No more of it; resolves when everything that was sent has its outcome in the journal. */
  stop: () => Promise<void>;
  /** Orders that were acknowledged. */
  accepted: () => number;
  /** Sent, and without an outcome so far. */
  inFlight: () => number;
}

const MIX = { keyed: 45, unkeyed: 20, chosen: 5, cancel: 8, status: 4, amend: 6, read: 12 };
export type Action = keyof typeof MIX;

const CONNECTIONS = 64;
const PATIENCE_MS = 60_000;
const TICK_MS = 20;
// Beyond it the outage is longer than any that is meant: what is due is left out rather than piled up.
const IN_FLIGHT_MAX = 20_000;
// Commands are for orders of the last second or so: many of these are still open.
const RECENT_ORDERS = 40;
const STATUSES = ['processing', 'completed', 'cancelled'];

export const createLoadClient = (options: LoadClientOptions): LoadClient => {
  const { urls, journal, seed, perSecond, products = [], patienceMs = PATIENCE_MS } = options;
  const http = createHttpClient(options.connections ?? CONNECTIONS);
  const ask = { http, urls, patienceMs };
  const random = seeded(seed);
  const actions = Object.entries({ ...MIX, ...options.mix }).map(([name, weight]) => ({ name: name as Action, weight }));
  const recent: { orderId: string; version: number }[] = [];
  const pending = new Set<Promise<void>>();
  let sent = 0;
  let accepted = 0;
  let timer: NodeJS.Timeout | undefined;

  const submit = async (action: 'keyed' | 'unkeyed' | 'chosen', id: string): Promise<void> => {
    const { body, totalMinor } = newBody(random, products, id);
    const key = action === 'keyed' ? id : null;
    const headers: Record<string, string> = key === null ? {} : { 'idempotency-key': key };
    const chosen = action === 'chosen' ? id : null;
    const told = await attempt(
      ask,
      {
        id,
        method: 'POST',
        path: '/orders',
        headers,
        body: chosen === null ? body : { order_id: chosen, ...body },
        again: key !== null,
      },
      sent,
    );
    const { last, url, ...rest } = told;
    const orderId = typeof last.body.order_id === 'string' && told.outcome !== 'refused' ? last.body.order_id : null;
    const known = told.outcome === 'ok' || told.outcome === 'pending';
    const entry: SubmissionEntry = {
      kind: 'submission',
      key,
      chosen,
      orderIds: known && orderId !== null ? [orderId] : [],
      totalMinor,
      ...rest,
    };
    journal.add(entry);
    if (told.outcome !== 'ok' || orderId === null) return;
    accepted += 1;
    remember({ orderId, version: 1 });
    await readBack(orderId, 1, { not: url });
  };

  const command = async (action: 'cancel' | 'status' | 'amend', id: string): Promise<void> => {
    if (recent.length === 0) return;
    const { orderId, version } = random.pick(recent);
    const amendment = newBody(random, products, id).body;
    const { method, path, body } = {
      cancel: { method: 'POST', path: '/cancel', body: { reason: `by ${id}` } },
      status: { method: 'PUT', path: '/status', body: { status: random.pick(STATUSES) } },
      amend: { method: 'PATCH', path: '', body: { items: amendment.items, total_amount: amendment.total_amount } },
    }[action];
    const headers: Record<string, string> = random.below(3) === 0 ? { 'if-match': `"v${version}"` } : {};
    const { last, url, ...told } = await attempt(ask, { id, method, path: `/orders/${orderId}${path}`, headers, body, again: false }, sent);
    const order = told.outcome === 'ok' ? seenIn(last.body.order) : null;
    const entry: CommandEntry = { kind: 'command', orderId, order, ...told };
    journal.add(entry);
    if (order === null) return;
    remember({ orderId, version: order.version });
    await readBack(orderId, order.version, { not: url, after: last.headers['consistency-token'] as string | undefined });
  };

  /** From another instance, if there is one. Only an answer counts: an instance that is down has not forgotten anything. */
  const readBack = async (orderId: string, version: number, { not, after }: { not: string; after?: string }): Promise<void> => {
    const all = urls();
    const url = all.find((each) => each !== not) ?? all[0];
    const query = after === undefined ? '' : `?after=${after}`;
    const { status, headers, body } = await http.send(`${url}/orders/${orderId}${query}`, { method: 'GET' });
    if ((status !== 200 && status !== 404) || headers.consistency === 'stale') return;
    const entry: ReadEntry = { kind: 'read', orderId, version, seen: status === 404 ? null : (body.version as number) };
    journal.add(entry);
  };

  const remember = (order: { orderId: string; version: number }): void => {
    recent.push(order);
    if (recent.length > RECENT_ORDERS) recent.shift();
  };

  const perform = (action: Action): Promise<void> => {
    sent += 1;
    const id = `c${seed}-${sent}`;
    if (action === 'keyed' || action === 'unkeyed' || action === 'chosen') return submit(action, id);
    if (action !== 'read') return command(action, id);
    return recent.length === 0 ? Promise.resolve() : readBack(random.pick(recent).orderId, 1, { not: '' });
  };

  const start = (): void => {
    const startedAt = performance.now();
    let due = 0;
    timer = setInterval(() => {
      const now = Math.floor(((performance.now() - startedAt) / 1_000) * perSecond);
      for (; due < now; due += 1) {
        if (pending.size >= IN_FLIGHT_MAX) continue;
        const performed = perform(random.weighted(actions).name).finally(() => pending.delete(performed));
        pending.add(performed);
      }
    }, TICK_MS);
  };
  const stop = async (): Promise<void> => {
    clearInterval(timer);
    while (pending.size > 0) await Promise.all(pending);
    http.close();
  };
  return { start, stop, accepted: () => accepted, inFlight: () => pending.size };
};

const AMOUNT_MAX_MINOR = 100_000;

/** Half of the orders are of known products, if there are any: priced by the catalogue, taken from stock. */
const newBody = (random: Random, products: readonly { id: string; priceMinor: number }[], id: string) => {
  const quantity = 1 + random.below(3);
  const user_id = `u-${random.below(1_000)}`;
  if (products.length > 0 && random.below(2) === 0) {
    const product = random.pick(products);
    const totalMinor = product.priceMinor * quantity;
    return { body: { user_id, items: [{ product_id: product.id, quantity }], total_amount: totalMinor / 100 }, totalMinor };
  }
  const totalMinor = random.below(AMOUNT_MAX_MINOR);
  return { body: { user_id, items: [{ product_id: `free-${id}`, quantity }], total_amount: totalMinor / 100 }, totalMinor };
};

const seenIn = (order: unknown): OrderSeen | null => {
  if (typeof order !== 'object' || order === null) return null;
  const { status, version, total_amount: total } = order as { status: string; version: number; total_amount: number };
  return { status, version, totalMinor: Math.round(total * 100) };
};
