// tests/simulation/world.ts: what the roles of one world stand on: broker, groups, tables, and the truth that is kept beside them.
// Processes (processes/) are the real code on it; a world (scenarios.ts) is a mixture of processes, clients and faults.

import { createAppenderOn, type RunningAppender } from '../../shared/log/append/appender.ts';
import { createSender } from '../../shared/log/append/sender.ts';
import { deadLetterTopicOf } from '../../shared/log/dead-letters/dead-letters.ts';
import type { OrderEvent } from '../../shared/order/events.ts';
import type { ProductEvent } from '../../shared/product/events.ts';
import { createLogger, type Logger } from '../../shared/runtime/logger.ts';
import { emptyTables, type LedgerTables } from '../support/in-memory/ledger.ts';
import { readRecords } from '../support/in-memory/log.ts';
import { emptyReadModel, type ReadModelTables, type Transact } from '../support/in-memory/read-model.ts';
import { createGroup, type Group } from './environment/group.ts';
import { createSimulatedClient } from './environment/link.ts';
import { createSimulatedLog, type SimulatedLog } from './environment/log.ts';
import { createTransactions, type Database, inTurn, isSlow } from './environment/transactions.ts';
import type { Process } from './kernel/process.ts';
import { type Simulation, simulate } from './kernel/simulation.ts';
import { createAppendPromises } from './truth/append-promises.ts';
import { createLedgerWatch } from './truth/ledger-watch.ts';
import { createProductTruth, type ProductTruth } from './truth/product-truth.ts';
import { createShortages, type Shortages } from './truth/shortages.ts';
import { watchCopies } from './truth/start-copies.ts';
import { createTruth, type Truth } from './truth/truth.ts';

export const ORDERS = 'orders' as const;
export const PRODUCTS = 'products' as const;
export const DEAD_LETTERS = deadLetterTopicOf(ORDERS);
/** Two: one more than needed for orders to be in one another's way, and for a partition to be somebody else's. */
export const PARTITIONS = 2;

/** Runs one seed, and resolves with what was wrong; nothing, if all is well. */
export type RunWorld = (seed: number, onTrace?: (line: string) => void) => Promise<string[]>;

export interface WorldSettings {
  /** Faults happen until then; after it everything comes to rest. */
  faultsMs: number;
  /** Clients ask for no changes from then on: so that there is a time at which none is under way. */
  changesMs: number;
  /** How likely an append meets a fault, and how likely a transaction does. */
  appendFaults: number;
  databaseFaults: number;
  /** Brokers refuse some batches as too large; none, if not given. */
  refusesLarge?: boolean;
  /** TAIL_MAX of the api; plenty, if not given. */
  tailMax?: number | undefined;
  /** The log may lose acknowledged records (loss/). */
  logMayLose?: boolean | undefined;
}

type Around = <T>(work: () => T) => T;

export interface World {
  readonly sim: Simulation;
  readonly settings: WorldSettings;
  readonly log: SimulatedLog;
  readonly truth: Truth;
  readonly productTruth: ProductTruth;
  readonly shortages: Shortages;
  readonly database: Database;
  readonly readModel: ReadModelTables;
  readonly ledger: LedgerTables;
  /** Who makes the ledger again, and so holds the maintenance lock: an operator, who does not die, or a processor. */
  rebuilder: 'operator' | Process | null;
  /** Something has happened after which the ledger may rightly be found to be behind: commits were lost, or it was rebuilt. */
  mayBeBehind: boolean;
  /** The log has lost records, and nobody has repaired what was made from them. */
  isLogOther: boolean;
  /** An operator has stopped all roles. */
  isUnderRepair: boolean;
  readonly groups: Readonly<Record<'processor' | 'products' | 'projector', Group>>;
  readonly logger: Logger;
  /** Does the work of each transaction of the projector, and of the ledger. */
  readonly aroundCommit: { readModel: Around; ledger: Around };
  /** Partitions of the orders that were given to a processor: where it started, and where the log ended. */
  readonly takeOvers: { at: number; partition: number; startOffset: number; end: number }[];
  /** Before this time histories and rows may lack something: the read model was put back to an older state. */
  readsSettleAt: number;
  /** The real appender and sender, over simulated connections. */
  openAppender: (process: Process, queueAgeMaxMs?: number) => RunningAppender;
  /** A question to the log, which may take long while the process is slow. */
  untilLogAnswers: (process: Process) => Promise<void>;
  /** As at SIGTERM: the process accepts no more, and every append is settled, if only as unknown. */
  stopAppends: (process: Process) => Promise<void>;
  /** Transactions of this process; those of the ledger are watched by the oracle. */
  transact: (process: Process) => Transact;
  transactLedger: (process: Process) => Transact;
}

const SEND_GAP_MS = 2; // as in the roles' main.ts
const LOG_ANSWERS_MAX_MS = 1_500;
const logger = createLogger('simulation', 'silent');
const partitionCounts = new Map([
  [ORDERS, PARTITIONS],
  [PRODUCTS, PARTITIONS],
  [DEAD_LETTERS, 1],
]);

export const createWorld = (seed: number, settings: WorldSettings, onTrace?: (line: string) => void): World => {
  const sim = simulate(seed, { calmFrom: settings.faultsMs, onTrace });
  const truth = createTruth(PARTITIONS);
  const productTruth = createProductTruth(sim, PARTITIONS);
  const ledger = emptyTables();
  const database: Database = { faults: settings.databaseFaults, restarts: 0, downUntil: 0, slowUntil: new Map() };
  const shortages = createShortages(sim);
  const groups = {
    processor: createGroup(sim, PARTITIONS, watchCopies(sim, ORDERS)),
    products: createGroup(sim, PARTITIONS, watchCopies(sim, PRODUCTS)),
    projector: createGroup(sim, PARTITIONS),
  };
  const copyOf = (key: string): number => {
    const [topic, partition] = key.split('/');
    return (topic === ORDERS ? groups.processor : groups.products).committed().get(Number(partition))?.offset ?? 0;
  };
  const watch = createLedgerWatch({ sim, truth, tables: ledger, topic: ORDERS, copyOf, isOfOtherLog: () => world.isLogOther });
  /** Null where what was confirmed may be gone, and its offset another's. */
  const appendPromises = settings.logMayLose === true ? null : createAppendPromises(sim);
  const appenders = new WeakMap<Process, RunningAppender>(); // each process has one
  const log = createSimulatedLog({
    sim,
    topics: Object.fromEntries(partitionCounts),
    mayLose: settings.logMayLose,
    onRecord: (record) => {
      const { topic, partition, offset } = record;
      appendPromises?.take(record);
      const taken = topic === ORDERS ? truth.take(record) : null;
      if (taken !== null) shortages.take(taken);
      const says = topic === ORDERS ? orderLine(taken) : topic === PRODUCTS ? productLine(productTruth.take(record)) : 'a dead letter';
      sim.trace(() => `${topic}/${partition}@${offset} ${says}`);
    },
  });
  log.whenBroken(() => {
    truth.forget();
    productTruth.forget();
    for (const topic of [ORDERS, PRODUCTS]) {
      const take = topic === ORDERS ? truth.take : productTruth.take;
      for (const partition of log.partitions(topic)) for (const record of readRecords(partition, 0, partition.highWatermark)) take(record);
    }
  });
  const world: World = {
    sim,
    settings,
    log,
    truth,
    productTruth,
    shortages,
    database,
    readModel: emptyReadModel(),
    ledger,
    rebuilder: null,
    mayBeBehind: false,
    isLogOther: false,
    isUnderRepair: false,
    groups,
    logger,
    aroundCommit: { readModel: (work) => work(), ledger: (work) => work() },
    takeOvers: [],
    readsSettleAt: 0,
    openAppender: (process, queueAgeMaxMs) => {
      const client = createSimulatedClient({ sim, log, process, faults: settings.appendFaults, refusesLarge: settings.refusesLarge });
      const options = {
        openSender: () => createSender(client),
        logger,
        partitionCounts,
        minSendGapMs: SEND_GAP_MS,
        ...(queueAgeMaxMs === undefined ? {} : { queueAgeMaxMs }),
      };
      const real = createAppenderOn(options);
      const appender = appendPromises?.watched(real, process) ?? real;
      appenders.set(process, appender);
      return appender;
    },
    untilLogAnswers: async (process) => {
      if (isSlow(sim, database, process) && sim.chance(0.25)) await sim.pause(sim.between(1, LOG_ANSWERS_MAX_MS));
    },
    stopAppends: async (process) => appenders.get(process)?.stop(),
    transact: (process) => createTransactions(sim, process, database),
    transactLedger: (process) => {
      const transact = inTurn(createTransactions(sim, process, database));
      return (work) => transact(() => world.aroundCommit.ledger(() => watch.around(process, work)));
    },
  };
  return world;
};

type Taken<Event> = { event: Event; effect: string } | null;

const line = (effect: string, event: { name: string; id: string; causationId: string | null; version?: number }, of: string): string => {
  const version = event.version === undefined ? '' : ` v${event.version}`;
  const answers = event.causationId === null ? '' : ` answers ${event.causationId}`;
  return `${effect} ${event.name}${version} of ${of} (${event.id})${answers}`;
};
const orderLine = (taken: Taken<OrderEvent>): string =>
  taken === null ? 'cannot be decoded' : line(taken.effect, taken.event, taken.event.orderId);
const productLine = (taken: Taken<ProductEvent>): string =>
  taken === null ? 'cannot be decoded' : line(taken.effect, taken.event, taken.event.productId);
