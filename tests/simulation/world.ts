// tests/simulation/world.ts: the ground on which the roles of one world stand: broker, groups, tables, and the truth that is kept beside
// them. Roles (roles/) are the real code on this ground; a world (worlds.ts) is a mixture of roles, clients and faults.

import { createLane, type RunningAppender } from '../../shared/log/appender.ts';
import { deadLetterTopicOf } from '../../shared/log/dead-letters.ts';
import { createLogger, type Logger } from '../../shared/runtime/logger.ts';
import { emptyTables, type LedgerTables } from '../support/memory-ledger.ts';
import { createGroup, type Group } from './ground/group.ts';
import { createSimulatedLog, type SimulatedLog } from './ground/log.ts';
import { emptyReadModel, type ReadModelTables } from './ground/read-model.ts';
import { createSimulatedSender } from './ground/sender.ts';
import { createTransactions, type Transact } from './ground/transactions.ts';
import { type Process, type Simulation, simulate } from './kernel/simulation.ts';
import { createLedgerWatch } from './oracle/ledger-watch.ts';
import { createTruth, type Truth } from './oracle/truth.ts';

export const ORDERS = 'orders';
export const PRODUCTS = 'products';
export const DEAD_LETTERS = deadLetterTopicOf(ORDERS);
/** Two: one more than needed for orders to be in one another's way, and for a partition to be somebody else's. */
export const PARTITIONS = 2;

export interface WorldSettings {
  /** Faults happen until then; after it everything comes to rest. */
  faultsMs: number;
  endMs: number;
  /** How likely an append meets a fault, and how likely a transaction does. */
  appendFaults: number;
  databaseFaults: number;
}

export interface World {
  readonly sim: Simulation;
  readonly settings: WorldSettings;
  readonly log: SimulatedLog;
  readonly truth: Truth;
  readonly readModel: ReadModelTables;
  readonly ledger: LedgerTables;
  readonly groups: Readonly<Record<'processor' | 'products' | 'projector', Group>>;
  readonly logger: Logger;
  /** Before this time reads may go back: the read model was put back to an older state. */
  readsSettleAt: number;
  /** The real lane, over simulated connections. */
  openLane: (process: Process) => RunningAppender;
  /** Transactions of this process; those of the ledger are watched by the oracle. */
  transact: (process: Process) => Transact;
  transactLedger: (process: Process) => Transact;
}

const SEND_GAP_MS = 2; // as in the roles' main.ts
const logger = createLogger('simulation', 'silent');
const partitionCounts = new Map([
  [ORDERS, PARTITIONS],
  [PRODUCTS, PARTITIONS],
  [DEAD_LETTERS, 1],
]);

export const createWorld = (seed: number, settings: WorldSettings, onTrace?: (line: string) => void): World => {
  const sim = simulate(seed, { calmFrom: settings.faultsMs, onTrace });
  const truth = createTruth(PARTITIONS);
  const ledger = emptyTables();
  const watch = createLedgerWatch({ sim, truth, tables: ledger, topic: ORDERS });
  const log = createSimulatedLog({
    sim,
    topics: Object.fromEntries(partitionCounts),
    onRecord: (record) => {
      if (record.topic !== ORDERS) {
        sim.trace(
          () =>
            `${record.topic}/${record.partition}@${record.offset} ${record.key} ${record.headers.ce_type ?? ''} ${record.headers.ce_orderversion ?? ''}`,
        );
        return;
      }
      const taken = truth.take(record);
      sim.trace(() => `${ORDERS}/${record.partition}@${record.offset} ${taken ? lineOf(taken) : 'cannot be decoded'}`);
    },
  });
  return {
    sim,
    settings,
    log,
    truth,
    readModel: emptyReadModel(),
    ledger,
    groups: { processor: createGroup(sim, PARTITIONS), products: createGroup(sim, PARTITIONS), projector: createGroup(sim, PARTITIONS) },
    logger,
    readsSettleAt: 0,
    openLane: (process) =>
      createLane({
        openSender: () => createSimulatedSender({ sim, log, process, faults: settings.appendFaults }),
        logger,
        partitionCounts,
        minSendGapMs: SEND_GAP_MS,
      }),
    transact: (process) => createTransactions(sim, process, settings.databaseFaults),
    transactLedger: (process) => {
      const transact = createTransactions(sim, process, settings.databaseFaults);
      return (work) => transact(() => watch.around(process, work));
    },
  };
};

const lineOf = ({ event, effect }: NonNullable<ReturnType<Truth['take']>>): string => {
  const version = event.kind === 'fact' ? ` v${event.version}` : '';
  const answers = event.causationId === null ? '' : ` answers ${event.causationId}`;
  return `${effect} ${event.name}${version} of ${event.orderId} (${event.id})${answers}`;
};
