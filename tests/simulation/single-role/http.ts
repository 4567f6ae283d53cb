// tests/simulation/single-role/http.ts: clients of the api over HTTP, on a log that loses answers, doubles records and is read late.
// What they were told must be so. Amounts, idempotency keys, chosen ids, reads right after a 201, and a read model that goes back.

import { AppError } from '../../../shared/runtime/app-error.ts';
import { startApiInMemory } from '../../support/in-memory/api.ts';
import { type Simulation, simulate } from '../kernel/simulation.ts';
import type { RunWorld } from '../world.ts';

const CENTS_MAX = 2_000_000;
const OPEN_ORDERS_MAX = 12;
const SUBMISSIONS = 10;

type Api = Awaited<ReturnType<typeof startApiInMemory>>;
type Answer = Awaited<ReturnType<Api['post']>>;

/** What a client knows: what it sent, and what it was told of it. */
interface Sent {
  body: Record<string, unknown>;
  headers: Record<string, string>;
  cents: number;
  answer: Answer;
}

const amountOf = (cents: number): number => Number(`${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`);

/** Appends that are doubled, or whose acknowledgement is lost: the api tries those again. */
const scriptFaults = ({ log }: Api, next: () => number): void => {
  const fate = next();
  if (fate < 0.2) {
    log.script.push(async (record) => {
      log.land(record);
      throw new AppError('APPEND_OUTCOME_UNKNOWN', 'simulated');
    });
  } else if (fate < 0.4) {
    log.script.push(async (record) => {
      const place = log.land(record);
      log.land(record);
      return place;
    });
  }
};

const submit = async (api: Api, { random: next, trace }: Simulation, n: number): Promise<Sent> => {
  const cents = Math.floor(next() * CENTS_MAX);
  const body: Record<string, unknown> = { user_id: `u${n}`, item_ids: [`p${n}`], total_amount: amountOf(cents) };
  const headers: Record<string, string> = {};
  const kind = next();
  if (kind < 0.4) headers['idempotency-key'] = `key-${n}`;
  else if (kind < 0.6) body.order_id = `chosen-${n}`;
  scriptFaults(api, next);
  const answer = await api.post(body, headers);
  trace(() => `${answer.statusCode} ${answer.payload}`);
  return { body, headers, cents, answer };
};

const checkAnswer = ({ answer, body, cents }: Sent): string[] => {
  if (answer.statusCode !== 201) return [`a submission was answered with ${answer.statusCode}: ${answer.payload}`];
  const { order, order_id: id } = answer.json() as { order_id: string; order: { total_amount: number; order_id: string; version: number } };
  const found: string[] = [];
  if (order.total_amount !== amountOf(cents)) found.push(`${amountOf(cents)} was sent, ${order.total_amount} was answered`);
  if (id !== order.order_id || (body.order_id !== undefined && body.order_id !== id))
    found.push(`the order ${body.order_id} is called ${id}`);
  return found;
};

const checkAgain = async (api: Api, { body, headers, answer }: Sent): Promise<string[]> => {
  const found: string[] = [];
  const id = answer.json().order_id as string;
  if (headers['idempotency-key'] !== undefined) {
    const replay = await api.post(body, headers);
    if (replay.payload !== answer.payload) found.push(`a replay says ${replay.payload}, not ${answer.payload}`);
    if (replay.headers['idempotent-replayed'] !== 'true') found.push('a replay does not say that it is one');
    const other = await api.post({ ...body, total_amount: 1_234_567.5 }, headers);
    if (other.statusCode !== 422) found.push(`another command under the same key was answered with ${other.statusCode}`);
  } else if (body.order_id !== undefined) {
    const second = await api.post(body, headers);
    if (second.statusCode !== 409) found.push(`a taken id was answered with ${second.statusCode}`);
  }
  const read = await api.get(`/orders/${id}`);
  const shown = read.statusCode === 200 ? (read.json() as { total_amount: number }).total_amount : read.statusCode;
  if (shown !== answer.json().order.total_amount)
    found.push(`${id} was created with ${answer.json().order.total_amount}, a read says ${shown}`);
  return found;
};

/** The log is read late: whoever has a 201 and asks at once must not hear 404. */
const checkFresh = async (api: Api, sim: Simulation): Promise<string[]> => {
  api.log.hold(true);
  const { answer } = await submit(api, { ...sim, random: () => 0.7 + sim.random() * 0.3 }, 100);
  const asked = api.log.asked();
  const reading = api.get(`/orders/${answer.json().order_id}`);
  // Either it asks where the log ends and waits for that, or it answers without.
  await Promise.race([asked, reading]);
  api.log.hold(false);
  const { statusCode } = await reading;
  return statusCode === 200 ? [] : [`an order was answered with 201 and then with ${statusCode}`];
};

const LIMIT_MS = 300_000; // a hundred times what a seed takes

/** Plugins are loaded from files and stopped in real time; requests and all that they wait for are in the simulation. */
const simulated =
  (openOrdersMax: number, world: (api: Api, sim: Simulation) => Promise<string[]>): RunWorld =>
  async (seed, onTrace) => {
    const sim = simulate(seed, { calmFrom: Infinity, onTrace });
    const api = await startApiInMemory({ openOrdersMax, start: false });
    const found = await sim.runToEnd(LIMIT_MS, async () => {
      await Promise.all([api.tail.start(), api.catalogue.start()]);
      return world(api, sim);
    });
    await api.stop();
    return [...found, ...api.fatal.map(String)];
  };

export const http = simulated(1_000, async (api, sim) => {
  const sent: Sent[] = [];
  const found: string[] = [];
  for (let n = 0; n < SUBMISSIONS; n += 1) {
    const one = await submit(api, sim, n);
    found.push(...checkAnswer(one));
    if (one.answer.statusCode === 201) sent.push(one);
    if (sim.chance(0.3)) api.readModel.catchUp();
  }
  for (const one of sent) found.push(...(await checkAgain(api, one)));
  return [...found, ...(await checkFresh(api, sim))];
});

/** More is submitted than may be open: the rest is refused, and nothing of it is in the log. */
export const overload = simulated(OPEN_ORDERS_MAX, async (api, { between, trace }) => {
  const codes = new Map<number, number>();
  for (let n = 0; n < OPEN_ORDERS_MAX * 2; n += 1) {
    const { statusCode, payload } = await api.post({ user_id: 1, item_ids: [1], total_amount: amountOf(between(0, CENTS_MAX)) });
    trace(() => `${statusCode} ${payload}`);
    codes.set(statusCode, (codes.get(statusCode) ?? 0) + 1);
    await api.caughtUp();
  }
  const open = api.log.records.flat().length;
  const isBounded = open === OPEN_ORDERS_MAX && codes.get(201) === open && codes.get(503) === OPEN_ORDERS_MAX;
  return isBounded ? [] : [`${open} orders are open, of at most ${OPEN_ORDERS_MAX}: ${JSON.stringify([...codes])}`];
});
