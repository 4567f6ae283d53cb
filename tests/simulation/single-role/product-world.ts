// tests/simulation/single-role/product-world.ts: the real processor of products in a simulated world: ambiguous appends, crashes, zombies, transactions
// without an answer, records that are none. Requests compete for few products; what the log and the ledger say in the end is compared.

import { untilLedgerAnswers } from '../../../processor/ledger/ledger-retries.ts';
import { createProductProcessor } from '../../../processor/process-products.ts';
import { decodeProductEvent, encodeProductEvent } from '../../../shared/log/product-codec.ts';
import type { SetAside } from '../../../shared/log/set-aside.ts';
import type { ProductEvent } from '../../../shared/product/events.ts';
import { evolveProduct, type Product } from '../../../shared/product/product.ts';
import { AppError } from '../../../shared/runtime/app-error.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { T0 } from '../../support/builders/order-events.ts';
import { productCreated, productEvent } from '../../support/builders/product-events.ts';
import { createMemoryLedger, emptyTables } from '../../support/in-memory/ledger.ts';
import { faultyTransactions } from './faulty-transactions.ts';
import { type Simulation, simulate } from './simulation.ts';

const TOPIC = 'products';
const PARTITIONS = 2;
const FAULTS_MS = 20_000;
const END_MS = 60_000;
const PRODUCTS = ['p0', 'p1', 'p2', 'p3'];

const world = (seed: number) => {
  const sim = simulate(seed, { partitions: PARTITIONS, calmFrom: T0 + FAULTS_MS, start: T0 });
  const tables = emptyTables();
  const violations: string[] = [];
  const letters = new Set<string>();
  const dead = new Set<number>();
  const logger = createLogger('test', 'silent');
  let incarnation = 0;

  const start = (): void => {
    const mine = ++incarnation;
    const alive = (): boolean => !dead.has(mine);
    const clock = { now: sim.clock.now, after: (ms: number, callback: () => void) => sim.clock.after(ms, () => alive() && callback()) };
    const ledger = createMemoryLedger(tables, faultyTransactions(sim, alive));
    const onFatal = (error: unknown): void => {
      dead.add(mine);
      if (mine === incarnation) violations.push(String(error)); // else a zombie that has found out
    };
    const setAside: SetAside = async ({ partition, offset }) => {
      if (!alive()) return new Promise<never>(() => {});
      if (sim.clock.now() < sim.calmFrom && sim.chance(0.3)) throw new AppError('APPEND_OUTCOME_UNKNOWN', 'scripted');
      letters.add(`${partition}@${offset}`);
    };
    const own = createProductProcessor({ topic: TOPIC, appender: sim.appender(alive), ledger, setAside, clock, logger, onFatal });
    const pump = async (partition: number, position: number): Promise<void> => {
      const records = sim.log[partition]!.slice(position, position + sim.between(1, 8));
      if (records.length > 0) await own.onRecords(partition, records);
      clock.after(sim.between(2, 30), () => void pump(partition, position + records.length).catch(onFatal));
    };
    const join = async (partition: number): Promise<void> => {
      const claim = await untilLedgerAnswers({ call: () => ledger.claim(TOPIC, [partition], new Map()), isLive: alive, clock, logger });
      if (!claim?.ok) return;
      const startOffset = claim.starts.get(partition)!.offset;
      own.onAssigned([{ partition, startOffset, highWatermark: sim.log[partition]!.length, metadata: null }]);
      await pump(partition, startOffset);
    };
    for (let partition = 0; partition < PARTITIONS; partition += 1) join(partition).catch(onFatal);
  };
  const crashes = (): void => {
    if (sim.clock.now() > sim.calmFrom) return;
    const old = incarnation;
    sim.clock.after(sim.chance(0.5) ? 0 : sim.between(500, 4_000), () => dead.add(old));
    sim.clock.after(sim.between(20, 500), start);
    sim.clock.after(sim.between(1_000, 5_000), crashes);
  };
  start();
  if (seed % 2 === 0) sim.clock.after(sim.between(300, 3_000), crashes);
  return { sim, tables, letters, violations };
};

const submit = (sim: Simulation): void => {
  const land = (event: ProductEvent): void => void sim.land(encodeProductEvent(event, TOPIC));
  const stray = { topic: TOPIC, key: PRODUCTS[0]!, value: 'not ours', headers: {} };
  for (let n = 0; n < 5; n += 1) sim.clock.after(sim.between(0, FAULTS_MS), () => void sim.land(stray));
  for (const id of PRODUCTS) {
    const fact = productCreated(id, sim.between(0, 10));
    sim.clock.after(sim.between(0, 3_000), () => {
      land(fact);
      if (sim.chance(0.5)) sim.clock.after(sim.between(1, 10_000), () => land(fact));
    });
    for (let n = sim.between(3, 8); n > 0; n -= 1) {
      const at = sim.between(0, FAULTS_MS);
      for (let together = sim.between(1, 4); together > 0; together -= 1) {
        const data = sim.chance(0.3) ? { delta: null, stock: sim.between(0, 20) } : { delta: sim.between(-6, 6), stock: null };
        const request = sim.chance(0.2)
          ? productEvent('ProductUpdateRequested', id, { data: { price_minor: sim.between(1, 999) } })
          : productEvent('StockAdjustmentRequested', id, { data });
        sim.clock.after(at, () => {
          land(request);
          if (sim.chance(0.3)) sim.clock.after(sim.between(1, 5_000), () => land(request));
        });
      }
    }
  }
};

const check = ({ sim, tables, letters, violations }: ReturnType<typeof world>): string[] => {
  const found = [...violations];
  const truth = new Map<string, Product>();
  const answers = new Map<string, Set<string>>();
  for (const record of sim.log.flat()) {
    const decoded = decodeProductEvent(record);
    if (!decoded.ok) {
      const place = `${record.partition}@${record.offset}`;
      if (!letters.has(place)) found.push(`${place} was passed over without a dead letter`);
      continue;
    }
    const { event } = decoded;
    const { product, effect } = evolveProduct(truth.get(event.productId) ?? null, event);
    if (product) truth.set(event.productId, product);
    if (product && product.putIn < 0) found.push(`${event.productId} has ${product.putIn}`);
    if (event.kind === 'request') answers.set(event.id, answers.get(event.id) ?? new Set());
    if (event.causationId !== null && (effect === 'applied' || effect === 'refusal')) answers.get(event.causationId)!.add(event.id);
  }
  // Copies of one answer are one: they have its id.
  for (const [id, events] of answers) if (events.size !== 1) found.push(`request ${id} has ${events.size} answers`);
  for (const [id, product] of truth) {
    const row = tables.products.get(id);
    if (JSON.stringify(row?.product) !== JSON.stringify(product))
      found.push(`${id} is ${JSON.stringify(row?.product)}, by the log ${JSON.stringify(product)}`);
    if (row?.readVersion !== product.version || row.unreadIn !== 0)
      found.push(`${id} was read to version ${row?.readVersion}, ${row?.unreadIn} are not read`);
  }
  for (const [id, { delivered }] of tables.requests) if (!delivered) found.push(`the answer to ${id} is not delivered`);
  return found;
};

/** Runs one seed to its end. `requests`: how many got a verdict. */
export const productWorld = async (seed: number): Promise<{ violations: string[]; requests: number }> => {
  const one = world(seed);
  submit(one.sim);
  await one.sim.run(T0 + END_MS);
  return { violations: check(one), requests: one.tables.requests.size };
};
