// Goal: whatever the log does to appends and however often the processor dies, every order ends, every request has an
// answer, and no order is fulfilled that the log does not show in processing. Method: the real shell on a simulated log with
// crashes, ambiguous appends and late twins, many seeds; a failing seed is in the test's message and replays alone.

import { describe, expect, it } from 'vitest';
import { createTailPartition, fold } from '../../../api/tail-memory.ts';
import type { KnownOrder } from '../../../processor/admission.ts';
import { groupOffsets } from '../../../processor/committed-offsets.ts';
import { createOrderProcessor, type OrderProcessor } from '../../../processor/process-orders.ts';
import type { GroupOffset } from '../../../shared/log/log.ts';
import { decodeOrderEvent, encodeOrderEvent } from '../../../shared/log/order-codec.ts';
import type { OrderEvent } from '../../../shared/order/events.ts';
import { isTerminal } from '../../../shared/order/lifecycle.ts';
import { evolve, type Order } from '../../../shared/order/order.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { createMemoryLedger, emptyTables } from '../../support/memory-ledger.ts';
import { created, event, T0 } from '../../support/order-events.ts';
import { type Simulation, simulate } from '../../support/simulation.ts';

const TOPIC = 'orders';
const PARTITIONS = 2;
const FAULTS_MS = 30_000;
const END_MS = 90_000;

/** The truth: every order folded from its whole partition, up to (not including) an offset. */
const foldOf = (
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

/** `zombies`: an owner that lost its partitions goes on for a while, beside the new one, instead of dying. */
const world = (seed: number, { zombies = false } = {}) => {
  const sim = simulate(seed, { partitions: PARTITIONS, calmFrom: T0 + FAULTS_MS, start: T0 });
  const violations: string[] = [];
  const committed = new Map<number, GroupOffset>();
  const checkpoints = Array.from({ length: PARTITIONS }, () => 0);
  const fulfilled = new Map<string, number>();
  let incarnation = 0;
  const dead = new Set<number>();
  let sequence = 0;
  let processor: OrderProcessor;

  const lookUpClosed = (partition: number, ids: string[], knownFrom: number): Promise<Map<string, KnownOrder> | null> =>
    new Promise((resolve, reject) => {
      sim.clock.after(sim.between(1, 20), () => {
        if (sim.clock.now() < sim.calmFrom && sim.chance(0.05)) reject(new Error('simulated: database away'));
        if (checkpoints[partition]! < knownFrom) return resolve(null);
        const known = ids.flatMap((id): [string, KnownOrder][] => {
          const { order } = foldOf(sim, id, checkpoints[partition]);
          const createdOffset = sim.log[partition]!.findIndex(({ headers }) => headers.ce_id?.toString() === order?.createdEventId);
          return order ? [[id, { closed: isTerminal(order.status), createdOffset }]] : [];
        });
        return resolve(new Map(known));
      });
    });

  const start = (): void => {
    const mine = ++incarnation;
    const alive = (): boolean => !dead.has(mine);
    const positions = new Map<number, number>();
    const ends = sim.log.map((records) => records.length);
    const own = createOrderProcessor({
      topic: TOPIC,
      appender: sim.appender(alive),
      fulfil: (order) => {
        const partition = sim.partitionOf(order.orderId);
        const position = [...own.partitions()].find((known) => known.partition === partition)?.position ?? 0;
        const { order: truth } = foldOf(sim, order.orderId, Math.max(position, ends[partition]!));
        if (truth?.status !== 'processing')
          violations.push(`fulfils ${order.orderId}, which the log shows ${truth?.status} at ${position}`);
        fulfilled.set(order.orderId, (fulfilled.get(order.orderId) ?? 0) + 1);
        return new Promise((resolve) => sim.clock.after(sim.between(0, 2000), () => alive() && resolve()));
      },
      lookUpClosed,
      ledger: createMemoryLedger(emptyTables()),
      clock: { now: sim.clock.now, after: (ms, callback) => sim.clock.after(ms, () => alive() && callback()) },
      newId: () => `f-${++sequence}`,
      concurrency: 3,
      logger: createLogger('test', 'silent'),
      onDecided: () => {},
      onFulfilled: () => {},
      onFatal: (error) => violations.push(error.message),
    });
    processor = own;
    const pump = (partition: number): void => {
      if (!alive()) return;
      const from = positions.get(partition)!;
      const records = sim.log[partition]!.slice(from, from + sim.between(1, 20));
      positions.set(partition, from + records.length);
      own.onRecords(partition, records);
      if (mine === incarnation && sim.chance(0.3))
        for (const [number, offset] of groupOffsets(own.partitions())) committed.set(number, offset);
      sim.clock.after(sim.between(2, 30), () => pump(partition));
    };
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      const { offset = 0, metadata = null } = committed.get(partition) ?? {};
      positions.set(partition, offset);
      own.onAssigned([{ partition, startOffset: offset, highWatermark: ends[partition]!, metadata }]);
      sim.clock.after(sim.between(1, 20), () => pump(partition));
    }
  };

  const crashes = (): void => {
    if (sim.clock.now() > sim.calmFrom) return;
    const old = incarnation;
    sim.clock.after(zombies ? sim.between(500, 5000) : 0, () => dead.add(old));
    sim.clock.after(sim.between(20, 800), start);
    sim.clock.after(sim.between(1000, 6000), crashes);
  };
  const project = (partition: number): void => {
    checkpoints[partition] = Math.min(sim.log[partition]!.length, checkpoints[partition]! + sim.between(0, 25));
    sim.clock.after(sim.chance(0.02) ? sim.between(2000, 25_000) : sim.between(5, 120), () => project(partition));
  };

  start();
  // A crash also heals, so every other seed has none: what memory gets wrong must show there.
  if (seed % 2 === 0) sim.clock.after(sim.between(500, 4000), crashes);
  for (let partition = 0; partition < PARTITIONS; partition += 1) project(partition);
  return { sim, violations, committed, fulfilled, current: () => processor };
};

const submitOrders = (sim: Simulation, count: number): string[] =>
  Array.from({ length: count }, (_, i) => {
    const id = `o-${i}`;
    const origin = (['server', 'key', 'client', 'batch'] as const)[i % 4]!;
    const at = sim.between(0, 5) * 4000 + sim.between(0, 40); // in bursts, so that orders are in one another's way
    sim.clock.after(at, () => {
      const record = encodeOrderEvent(created(id, { id_origin: origin }, { time: sim.clock.now() }), TOPIC);
      sim.land(record);
      if (sim.chance(0.4)) sim.clock.after(sim.between(1, sim.chance(0.5) ? 500 : 25_000), () => sim.land(record)); // its late twin
    });
    if (origin !== 'server' && sim.chance(0.5)) {
      // The same key or id submitted again: another event, another time.
      sim.clock.after(at + sim.between(1, 25_000), () =>
        sim.land(encodeOrderEvent(created(id, { id_origin: origin }, { time: sim.clock.now() }), TOPIC)),
      );
    }
    for (let r = sim.between(0, 2); r > 0; r -= 1) {
      const name = (['OrderCancellationRequested', 'OrderStatusChangeRequested', 'OrderAmendmentRequested'] as const)[sim.between(0, 2)]!;
      sim.clock.after(at + sim.between(5, sim.chance(0.7) ? 4000 : 28_000), () => {
        const record = encodeOrderEvent(event(name, id, { time: sim.clock.now() }), TOPIC);
        sim.land(record);
        if (sim.chance(0.2)) sim.clock.after(sim.between(1, 3000), () => sim.land(record));
      });
    }
    return id;
  });

const checkAtRest = (sim: Simulation, ids: string[]): string[] =>
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

/** What an api that reads the log from its beginning is told about each request. */
const heardByAnApi = (sim: Simulation): Map<string, OrderEvent[]> => {
  const heard = new Map<string, OrderEvent[]>();
  sim.log.forEach((records, partition) => {
    const memory = createTailPartition(partition, 0, 0, []);
    for (const record of records) {
      const decoded = decodeOrderEvent(record);
      const folded = fold(memory, decoded.ok ? decoded.event : null, new Map());
      if (!decoded.ok || decoded.event.causationId === null || (folded?.effect !== 'applied' && folded?.effect !== 'refusal')) continue;
      heard.set(decoded.event.causationId, [...(heard.get(decoded.event.causationId) ?? []), decoded.event]);
    }
  });
  return heard;
};

describe('the processor on a log that loses, doubles and delays', () => {
  it('ends every order once and answers every request once, over crashes and late twins', async () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const { sim, violations } = world(seed);
      const ids = submitOrders(sim, 20);
      await sim.run(T0 + END_MS);
      expect({ seed, violations: [...violations, ...checkAtRest(sim, ids)] }).toEqual({ seed, violations: [] });
    }
  });

  it('gives a request that an old and a new owner answer one answer, the first effective one in the log (R2)', async () => {
    let answeredTwice = 0;
    for (let seed = 2; seed <= 60; seed += 2) {
      const { sim, violations } = world(seed, { zombies: true });
      const ids = submitOrders(sim, 20);
      await sim.run(T0 + END_MS);
      expect({ seed, violations: [...violations, ...checkAtRest(sim, ids)] }).toEqual({ seed, violations: [] });
      const heard = heardByAnApi(sim);
      for (const id of ids) {
        const { effects } = foldOf(sim, id);
        for (const requestId of new Set(effects.filter(([, effect]) => effect === 'request').map(([request]) => request.id))) {
          const answers = effects.filter(([answer]) => answer.causationId === requestId);
          const first = answers.find(([, effect]) => effect !== 'void')!;
          expect(heard.get(requestId), `seed ${seed}, request ${requestId}`).toEqual([first[0]]);
          if (new Set(answers.map(([answer]) => answer.id)).size > 1) answeredTwice += 1;
        }
      }
    }
    expect(answeredTwice).toBeGreaterThan(20); // else the schedules show nothing
  });

  it('holds no more orders in processing than its places, and starts the others as places come free', async () => {
    const { sim, violations, fulfilled } = world(7);
    sim.calmFrom = T0;
    for (let i = 0; i < 20; i += 1) sim.land(encodeOrderEvent(created(`s-${i}`, {}, { time: T0 }), TOPIC));
    let most = 0;
    const watch = (): void => {
      const open = Array.from({ length: 20 }, (_, i) => foldOf(sim, `s-${i}`).order?.status).filter((status) => status === 'processing');
      most = Math.max(most, open.length);
      sim.clock.after(10, watch);
    };
    watch();
    await sim.run(T0 + END_MS / 2);
    expect(violations).toEqual([]);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(3);
    expect(fulfilled.size).toBe(20);
  });
});
