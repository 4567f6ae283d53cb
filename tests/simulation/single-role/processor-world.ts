// tests/simulation/single-role/processor-world.ts: the real processor in a simulated world: its log, its ledger, its read model, its supervisor. It
// crashes, lives on as a zombie, and its ledger is rebuilt under it, as a seed has it.

import type { LookUpFirstLives } from '../../../processor/admission.ts';
import { noteMoves, startMoves } from '../../../processor/committed-offsets.ts';
import { type Attempt, DONE } from '../../../processor/fulfilment.ts';
import { createFulfilmentAttempts } from '../../../processor/fulfilment-attempts.ts';
import { createClaims } from '../../../processor/ledger/claims.ts';
import { rebuiltLedger } from '../../../processor/ledger/rebuilt-ledger.ts';
import { createRefold, type Refold } from '../../../processor/ledger/refold.ts';
import type { Partition } from '../../../processor/partition.ts';
import { createOrderProcessor } from '../../../processor/process-orders.ts';
import { createStartCommits } from '../../../processor/start-commits.ts';
import { decodeOrderEvent } from '../../../shared/log/order-codec.ts';
import type { OrderEvent } from '../../../shared/order/events.ts';
import { isTerminal } from '../../../shared/order/lifecycle.ts';
import { evolve, type Order } from '../../../shared/order/order.ts';
import type { ProductCreated } from '../../../shared/product/events.ts';
import { AppError } from '../../../shared/runtime/app-error.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { T0 } from '../../support/builders/order-events.ts';
import { productCreated } from '../../support/builders/product-events.ts';
import { createMemoryLedger, emptyTables } from '../../support/in-memory/ledger.ts';
import { faultyTransactions } from './faulty-transactions.ts';
import { type Simulation, simulate } from './simulation.ts';

export const TOPIC = 'orders';
export const PARTITIONS = 2;
export const FAULTS_MS = 30_000;
export const END_MS = 90_000;
// More than the places of a processor in good times, fewer than what it may have taken over.
const ATTEMPTS_AT_ONCE = 6;

export interface WorldOptions {
  /** An owner that lost its partitions goes on for a while, beside the new one, instead of dying. */
  zombies?: boolean;
  /** The ledger is rebuilt now and then, while everything goes on. */
  rebuilds?: boolean;
  /** CARRY_AFTER_MS (R12); never by default. */
  carryAfterMs?: number;
  /** How long fulfilment of an order takes; up to two seconds by default. */
  fulfilmentMs?: (orderId: string, sim: Simulation) => number;
  /** Units of products, and when they are put in. */
  stock?: readonly { productId: string; units: number; afterMs: number }[];
  /** What becomes of an attempt to fulfil an order; done, if not given. */
  endpoint?: (order: Order, sim: Simulation) => Awaited<ReturnType<Attempt>>;
}

/** The truth: every order folded from its whole partition, up to (not including) an offset. */
export const foldOf = (
  sim: Simulation,
  orderId: string,
  until = Number.MAX_SAFE_INTEGER,
): { order: Order | null; effects: [OrderEvent, string][] } => {
  let order: Order | null = null;
  const effects: [OrderEvent, string][] = [];
  for (const record of sim.log[sim.partitionOf(orderId)]!) {
    if (record.offset >= until || record.key?.toString() !== orderId) continue;
    const decoded = decodeOrderEvent(record);
    if (!decoded.ok) continue;
    const next = evolve(order, decoded.event);
    order = next.order;
    effects.push([decoded.event, next.effect]);
  }
  return { order, effects };
};

/** What is wrong with orders once everything has come to rest. */
export const checkAtRest = (sim: Simulation, ids: string[]): string[] =>
  ids.flatMap((id) => {
    const { order, effects } = foldOf(sim, id);
    const found: string[] = [];
    if (order === null || !isTerminal(order.status)) found.push(`${id} is stuck in ${order?.status} at version ${order?.version}`);
    const answers = effects.filter(([answer, effect]) => answer.causationId !== null && (effect === 'applied' || effect === 'refusal'));
    const asked = new Set(effects.filter(([, effect]) => effect === 'request').map(([request]) => request.id));
    for (const requestId of asked) {
      const count = answers.filter(([answer]) => answer.causationId === requestId).length;
      if (count !== 1) found.push(`request ${requestId} of ${id} has ${count} answers`);
    }
    return found;
  });

export const processorWorld = (
  seed: number,
  {
    zombies = false,
    rebuilds = false,
    carryAfterMs = Infinity,
    fulfilmentMs = (_, sim) => sim.between(0, 2000),
    stock = [],
    endpoint = () => DONE,
  }: WorldOptions = {},
) => {
  const sim = simulate(seed, { partitions: PARTITIONS, calmFrom: T0 + FAULTS_MS, start: T0 });
  const violations: string[] = [];
  const committed = new Map<number, number>();
  const checkpoints = Array.from({ length: PARTITIONS }, () => 0);
  const fulfilled = new Map<string, number>();
  const takeOvers: { at: number; partition: number; startOffset: number; end: number }[] = [];
  const tables = emptyTables();
  const products: ProductCreated[] = [];
  const logger = createLogger('test', 'silent');
  const dead = new Set<number>();
  let incarnation = 0;
  let sequence = 0;
  /** Of the owner, as it sees them. */
  let openOrders = (): number => 0;

  const lookUpFirstLives: LookUpFirstLives = (partition, ids, knownFrom) =>
    new Promise((resolve, reject) => {
      sim.clock.after(sim.between(1, 20), () => {
        if (sim.clock.now() < sim.calmFrom && sim.chance(0.05)) reject(new Error('simulated: database away'));
        if (checkpoints[partition]! < knownFrom) return resolve(null);
        const firstLives = ids.flatMap((id): [string, number][] => {
          const { order } = foldOf(sim, id, checkpoints[partition]);
          const createdOffset = sim.log[partition]!.findIndex(({ headers }) => headers.ce_id?.toString() === order?.createdEventId);
          return order ? [[id, createdOffset]] : [];
        });
        return resolve(new Map(firstLives));
      });
    });

  const start = (): void => {
    const mine = ++incarnation;
    const alive = (): boolean => !dead.has(mine);
    const positions = new Map<number, number>();
    let ends: number[] = [];
    const clock = { now: sim.clock.now, after: (ms: number, callback: () => void) => sim.clock.after(ms, () => alive() && callback()) };
    const ledger = createMemoryLedger(tables, faultyTransactions(sim, alive));
    const onFatal = (error: unknown): void => {
      if (!alive()) return; // it is started again once, whatever else fails in it
      dead.add(mine);
      const isFenced = error instanceof AppError && error.code === 'LEDGER_FENCED';
      if (mine !== incarnation && isFenced) return; // a zombie that has found out
      if (!(isFenced && rebuilds)) violations.push(String(error));
      sim.clock.after(sim.between(20, 800), start);
    };
    const fulfil = createFulfilmentAttempts({
      attempt: (order) => {
        const partition = sim.partitionOf(order.orderId);
        const position = [...own.partitions()].find((known) => known.partition === partition)?.position ?? 0;
        const { order: truth } = foldOf(sim, order.orderId, Math.max(position, ends[partition]!));
        if (truth?.status !== 'processing' || truth.parked !== null)
          violations.push(`fulfils ${order.orderId}, which the log shows ${truth?.status} at ${position}`);
        fulfilled.set(order.orderId, (fulfilled.get(order.orderId) ?? 0) + 1);
        return new Promise((resolve) => sim.clock.after(fulfilmentMs(order.orderId, sim), () => alive() && resolve(endpoint(order, sim))));
      },
      attemptsMax: 3,
      concurrency: ATTEMPTS_AT_ONCE,
      backOff: { minMs: 50, maxMs: 500 },
      clock,
      random: sim.random,
      onAttempt: () => {},
      onCircuit: () => {},
    });
    const own = createOrderProcessor({
      topic: TOPIC,
      appender: sim.appender(alive),
      fulfil,
      lookUpFirstLives,
      ledger,
      clock,
      newId: () => `f-${++sequence}`,
      concurrency: 3,
      logger,
      onDecided: () => {},
      onFulfilled: () => {},
      onFatal,
    });
    openOrders = () => [...own.partitions()].reduce((sum, { openCount }) => sum + openCount, 0);
    const commit = createStartCommits({
      starts: () => startMoves(own.partitions(), { now: sim.clock.now(), carryAfterMs }),
      note: async (moves) => {
        await ledger.moveStarts(TOPIC, moves);
        noteMoves(own.partitions(), moves);
      },
      copy: async (offsets) => {
        // The group's coordinator refuses members of an older generation.
        if (mine === incarnation) for (const [partition, { offset }] of offsets) committed.set(partition, offset);
      },
      clock,
      logger,
    });
    /** R12, R6: once it acts, a successor knows every order that the log shows open, as the log has it. */
    const checkTakeOver = (owned: Iterable<Partition>, number: number): void => {
      const memory = [...owned].find(({ partition }) => partition === number);
      if (!memory || takenOver.has(number) || memory.position < memory.actFrom) return;
      takenOver.add(number);
      const ids = new Set(sim.log[number]!.map(({ key }) => key!.toString()));
      for (const id of ids) {
        const { order } = foldOf(sim, id, memory.position);
        if (order === null || isTerminal(order.status)) continue;
        const known = memory.orders.get(id)?.order;
        if (known?.version !== order.version) violations.push(`takes over ${id} at version ${known?.version} instead of ${order.version}`);
      }
    };
    const takenOver = new Set<number>();
    const pump = (partition: number): void => {
      if (!alive()) return;
      const from = positions.get(partition)!;
      const records = sim.log[partition]!.slice(from, from + sim.between(1, 20));
      positions.set(partition, from + records.length);
      own.onRecords(partition, records);
      checkTakeOver(own.partitions(), partition);
      if (sim.chance(0.3)) commit().catch(onFatal);
      sim.clock.after(sim.between(2, 30), () => pump(partition));
    };
    const claims = createClaims({
      ledger,
      topic: TOPIC,
      committedOffsets: async () => new Map([[TOPIC, new Map(committed)]]),
      clock,
      logger,
    });
    const join = async (): Promise<void> => {
      const numbers = Array.from({ length: PARTITIONS }, (_, partition) => partition);
      const starts = await claims.startOffsets(numbers);
      ends = sim.log.map((records) => records.length);
      for (const partition of numbers) {
        const startOffset = starts.get(partition)!;
        positions.set(partition, startOffset);
        takeOvers.push({ at: sim.clock.now(), partition, startOffset, end: ends[partition]! });
        own.onAssigned([claims.noted({ partition, startOffset, highWatermark: ends[partition]!, metadata: null })]);
        sim.clock.after(sim.between(1, 20), () => pump(partition));
      }
    };
    // The reader tries again when the database does not answer.
    const joining = (): void =>
      void join().catch((error: unknown) => (error instanceof AppError && error.retryable ? clock.after(500, joining) : onFatal(error)));
    joining();
  };

  const crashes = (): void => {
    if (sim.clock.now() > sim.calmFrom) return;
    const old = incarnation;
    sim.clock.after(zombies ? sim.between(500, 5000) : 0, () => dead.add(old));
    sim.clock.after(sim.between(20, 800), () => old === incarnation && start());
    sim.clock.after(sim.between(1000, 6000), crashes);
  };
  const project = (partition: number): void => {
    checkpoints[partition] = Math.min(sim.log[partition]!.length, checkpoints[partition]! + sim.between(0, 25));
    sim.clock.after(sim.chance(0.02) ? sim.between(2000, 25_000) : sim.between(5, 120), () => project(partition));
  };
  const putIn = (productId: string, units: number): void => {
    const fact = productCreated(productId, units);
    products.push(fact);
    const { products: made } = rebuiltLedger(refoldOf(sim, [fact], []), { held: new Map(), outbox: [] });
    tables.products.set(productId, made.get(productId)!);
  };
  /** As the operator's command does it: fence all, see where the log ends, fold up to there, write. */
  const rebuild = (): void => {
    if (sim.clock.now() > sim.calmFrom) return;
    tables.complete = false;
    for (const row of tables.partitions.values()) row.epoch += 1;
    sim.clock.after(sim.between(1, 50), () => {
      const ends = sim.log.map((records) => records.length);
      sim.clock.after(sim.between(50, 2_000), () => {
        const refold = refoldOf(sim, products, ends);
        const made = rebuiltLedger(refold, {
          held: new Map([...tables.reservations].filter(([, { state }]) => state === 'held')),
          outbox: [],
        });
        tables.products = made.products;
        tables.reservations = made.reservations;
        ends.forEach((end, partition) => {
          const { startOffset, logTime } = refold.orderPartition(partition, end);
          const offset = Math.max(startOffset, committed.get(partition) ?? 0);
          const { epoch } = tables.partitions.get(`${TOPIC}/${partition}`) ?? { epoch: 0 };
          tables.partitions.set(`${TOPIC}/${partition}`, { epoch: epoch + 1, start: { offset, note: `logtime=${logTime}` } });
          const carried = refold.carried(partition, offset, end).map((each) => [each.order.orderId, each] as const);
          tables.carried.set(`${TOPIC}/${partition}`, new Map(carried));
        });
        tables.complete = true;
      });
    });
    sim.clock.after(sim.between(8_000, 15_000), rebuild);
  };

  start();
  // A crash also heals, so every other seed has none: what memory gets wrong must show there.
  if (seed % 2 === 0) sim.clock.after(sim.between(500, 4000), crashes);
  if (rebuilds) sim.clock.after(sim.between(1_000, 9_000), rebuild);
  for (let partition = 0; partition < PARTITIONS; partition += 1) project(partition);
  for (const { productId, units, afterMs } of stock) {
    if (afterMs === 0) putIn(productId, units);
    else sim.clock.after(afterMs, () => putIn(productId, units));
  }
  /** What the log makes of everything, now. */
  const refolded = (): Refold =>
    refoldOf(
      sim,
      products,
      sim.log.map((records) => records.length),
    );
  return { sim, violations, fulfilled, takeOvers, tables, refolded, openOrders: () => openOrders() };
};

const refoldOf = (sim: Simulation, products: readonly ProductCreated[], ends: readonly number[]): Refold => {
  const refold = createRefold();
  products.forEach((fact, offset) => {
    refold.takeProductEvent(0, offset, fact);
  });
  ends.forEach((end, partition) => {
    for (const record of sim.log[partition]!.slice(0, end)) {
      const decoded = decodeOrderEvent(record);
      if (decoded.ok) refold.takeOrderEvent(partition, record.offset, decoded.event);
    }
  });
  return refold;
};
