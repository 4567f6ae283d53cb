// tests/simulation/processes/processor.ts: the real processor, orders and products, in a simulation.
// What processor/main.ts and processor/products/compose-products.ts compose, with the memory ledger and without a server.

import { startCopy } from '../../../processor/consumer-group.ts';
import { createFulfilmentAttempts } from '../../../processor/fulfilment/attempts.ts';
import type { Attempt } from '../../../processor/fulfilment/fulfilment.ts';
import { type Claims, createClaims } from '../../../processor/ledger/claims.ts';
import type { CommittedOffsets, Ledger } from '../../../processor/ledger/ledger.ts';
import { ledgerLossNotAccepted } from '../../../processor/ledger/rebuild/ledger-loss.ts';
import { noteMoves, startMoves } from '../../../processor/orders/committed-offsets.ts';
import { createOrderProcessor, type OrderProcessor } from '../../../processor/orders/process-orders.ts';
import { createProductProcessor } from '../../../processor/products/process-products.ts';
import { createStartCommits } from '../../../processor/start-commits.ts';
import type { RunningAppender } from '../../../shared/log/append/appender.ts';
import { orderDecoderFor } from '../../../shared/log/codec/order-codec.ts';
import { productDecoderFor } from '../../../shared/log/codec/product-codec.ts';
import { createDeadLetters } from '../../../shared/log/dead-letters/dead-letters.ts';
import { createSetAside } from '../../../shared/log/dead-letters/set-aside.ts';
import type { Order } from '../../../shared/order/order.ts';
import { systemClock } from '../../../shared/runtime/clock.ts';
import { createMemoryLedger } from '../../support/in-memory/ledger.ts';
import { createCreationOffsetLookUpOn } from '../../support/in-memory/read-model.ts';
import { createSimulatedReader } from '../environment/reader.ts';
import type { StartRole } from '../fleet.ts';
import { watchTakeOvers } from '../invariants/processor-memory.ts';
import { watchReportDeadlines } from '../invariants/report-deadlines.ts';
import type { Process } from '../kernel/process.ts';
import type { Simulation } from '../kernel/simulation.ts';
import { createAttemptsWatch } from '../truth/attempts.ts';
import { DEAD_LETTERS, ORDERS, PARTITIONS, PRODUCTS, type World } from '../world.ts';
import { checkMarksOn } from './check-marks.ts';
import { ledgerLossOf, rebuildLedger } from './rebuild-ledger.ts';

/** What becomes of one attempt to fulfil an order. */
export type Endpoint = (order: Order, sim: Simulation) => { afterMs: number; outcome: Awaited<ReturnType<Attempt>> };

export interface ProcessorOptions {
  endpoint: Endpoint;
  withProducts: boolean;
  /** PROCESSOR_CONCURRENCY: few, so that orders wait for one another. */
  concurrency: number;
  /** R12: what stays open for longer is carried. */
  carryAfterMs: number;
  /** FULFILMENT_DEADLINE_MS; longer than any world lasts, if not given. */
  reportDeadlineMs?: number | undefined;
}

export type RunningProcessor = Pick<OrderProcessor, 'partitions'>;

const COMMIT_INTERVAL_MS = 1_000; // as in processor/main.ts
const ATTEMPTS_AT_ONCE = 4;
const ATTEMPTS_MAX = 3;

interface Parts {
  world: World;
  process: Process;
  ledger: Ledger;
  appender: RunningAppender;
  onFatal: (error: unknown) => void;
}

export const processorRole =
  (options: ProcessorOptions): StartRole<RunningProcessor> =>
  (world, process, onFatal) => {
    const appender = world.openAppender(process);
    appender.start();
    const parts = { world, process, appender, onFatal, ledger: createMemoryLedger(world.ledger, world.transactLedger(process)) };
    const orders = startOrders(parts, options);
    const commits = [orders.commit, ...(options.withProducts ? [startProducts(parts)] : [])];
    setInterval(() => {
      for (const commit of commits) commit().catch(onFatal);
    }, COMMIT_INTERVAL_MS);
    return orders.processor;
  };

const claimsFor = ({ world, process, ledger }: Parts, topic: string) =>
  createClaims({
    ledger,
    topic,
    committedOffsets: async () => copiesInKafka(world),
    checkMarks: checkMarksOn(world, process, topic, 'The ledger'),
    repair: {
      repair: async () => {
        const loss = world.log.mayLose ? ledgerLossOf(world) : null;
        if (loss !== null) throw ledgerLossNotAccepted(loss, 'ledger');
        rebuildLedger(world, process);
      },
      progress: () => null,
    },
    clock: systemClock,
    logger: world.logger,
  });

/** The reader asks the log for more before it begins. */
const startOffsetsOf =
  ({ world, process }: Parts, claims: Claims): Claims['startOffsets'] =>
  async (partitions) => {
    const starts = await claims.startOffsets(partitions);
    await world.untilLogAnswers(process);
    return starts;
  };

const copiesInKafka = ({ groups }: World): CommittedOffsets => {
  const offsetsOf = (group: World['groups']['processor']) =>
    new Map(Array.from(group.committed(), ([partition, copied]) => [partition, startCopy(copied)]));
  return new Map([
    [ORDERS, offsetsOf(groups.processor)],
    [PRODUCTS, offsetsOf(groups.products)],
  ]);
};

const startOrders = (parts: Parts, { endpoint, concurrency, carryAfterMs, reportDeadlineMs = 3_600_000 }: ProcessorOptions) => {
  const { world, process, ledger, appender, onFatal } = parts;
  const { sim, log, logger, truth } = world;
  const { newId, random } = sim;
  const actFrom = new Map<number, number>();
  const takeOvers = watchTakeOvers(world, process.name);
  const deadlines = watchReportDeadlines(world, process, reportDeadlineMs);
  const watch = createAttemptsWatch(sim, process.name, { atOnce: ATTEMPTS_AT_ONCE, ofOneOrder: ATTEMPTS_MAX });

  const attempt: Attempt = (order) => {
    const { partition = -1 } = truth.orders.get(order.orderId) ?? {};
    const own = [...processor.partitions()].find((each) => each.partition === partition);
    const known = truth.orderBelow(order.orderId, Math.max(own?.position ?? 0, actFrom.get(partition) ?? 0));
    if (!world.isLogOther && (known?.status !== 'processing' || known.parked !== null))
      sim.violate(`${process.name} fulfils ${order.orderId}, which the log shows ${known?.status} where it stands`);
    if (known?.accepted) sim.violate(`${process.name} sends ${order.orderId} again, which the log shows accepted where it stands`);
    sim.trace(() => `fulfils ${order.orderId}`);
    const ended = watch.begin(order);
    const { afterMs, outcome } = endpoint(order, sim);
    const answer = (resolve: (outcome: Awaited<ReturnType<Attempt>>) => void): void => {
      ended(outcome);
      resolve(outcome);
    };
    return new Promise((resolve) => void sim.after(afterMs, () => answer(resolve), process));
  };
  const fulfil = createFulfilmentAttempts({
    attempt,
    attemptsMax: ATTEMPTS_MAX,
    concurrency: ATTEMPTS_AT_ONCE,
    backOff: { minMs: 50, maxMs: 500 },
    clock: systemClock,
    random,
    onAttempt: () => {},
    onCircuit: () => {},
  });
  const processor = createOrderProcessor({
    decode: orderDecoderFor(PARTITIONS),
    topic: ORDERS,
    appender: deadlines.watched(appender),
    fulfil,
    lookUpCreationOffsets: createCreationOffsetLookUpOn(world.readModel, world.transact(process)),
    ledger: { moveStock: world.shortages.watched(ledger.moveStock) },
    clock: systemClock,
    newId,
    concurrency,
    reportDeadlineMs,
    logger,
    onDecided: () => {},
    onFulfilled: () => {},
    onFatal,
  });
  const claims = claimsFor(parts, ORDERS);
  const reader = createSimulatedReader({
    sim,
    log,
    process,
    topic: ORDERS,
    group: world.groups.processor,
    handlers: {
      startOffsets: startOffsetsOf(parts, claims),
      onAssigned: (assignments) => {
        for (const { partition, highWatermark } of assignments) actFrom.set(partition, highWatermark);
        watch.anew();
        takeOvers.begin(assignments);
        deadlines.begin(assignments);
        processor.onAssigned(assignments.map(claims.noted));
      },
      onRevoked: (partitions) => {
        claims.revoked(partitions);
        processor.onRevoked(partitions);
      },
      onRecords: (partition, records) => {
        processor.onRecords(partition, records);
        takeOvers.look(processor.partitions(), partition);
      },
      onFatal,
    },
  });
  reader.start().catch(onFatal);
  const commit = createStartCommits({
    starts: () => startMoves(processor.partitions(), { now: systemClock.now(), carryAfterMs }),
    note: async (moves) => {
      await ledger.moveStarts(ORDERS, moves);
      noteMoves(processor.partitions(), moves);
    },
    stampOf: (partition) => ledger.stampOf({ topic: ORDERS, partition }),
    copy: reader.commit,
    clock: systemClock,
    logger,
  });
  return { processor, commit };
};

const startProducts = (parts: Parts): (() => Promise<void>) => {
  const { world, process, ledger, appender, onFatal } = parts;
  const { sim, log, logger } = world;
  const setAside = createSetAside({ deadLetter: createDeadLetters(appender, DEAD_LETTERS).append, onDeadLetter: () => {}, logger });
  const processor = createProductProcessor({
    topic: PRODUCTS,
    appender,
    ledger,
    decode: productDecoderFor(PARTITIONS),
    setAside,
    clock: systemClock,
    logger,
    onFatal,
  });
  const claims = claimsFor(parts, PRODUCTS);
  const reader = createSimulatedReader({
    sim,
    log,
    process,
    topic: PRODUCTS,
    group: world.groups.products,
    handlers: {
      startOffsets: startOffsetsOf(parts, claims),
      onAssigned: (assignments) => processor.onAssigned(assignments.map(claims.noted)),
      onRevoked: (partitions) => {
        claims.revoked(partitions);
        processor.onRevoked(partitions);
      },
      onRecords: processor.onRecords,
      onFatal,
    },
  });
  reader.start().catch(onFatal);
  return createStartCommits({
    starts: processor.positions,
    note: (positions) => ledger.confirm(PRODUCTS, [...positions.keys()]),
    stampOf: (partition) => ledger.stampOf({ topic: PRODUCTS, partition }),
    copy: reader.commit,
    clock: systemClock,
    logger,
  });
};
