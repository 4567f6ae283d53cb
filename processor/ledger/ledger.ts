// processor/ledger/ledger.ts: the stock ledger as the processor sees it.
// PostgreSQL stands behind it (postgres-ledger.ts), in fast tests a map (tests/support/in-memory/ledger.ts); one contract suite holds for
// both.

import type { LogMark } from '../../shared/log/identity/log-mismatch.ts';
import type { Order } from '../../shared/order/order.ts';
import type { StockLine } from '../../shared/order/stock.ts';
import type { ProductEvent } from '../../shared/product/events.ts';
import { AppError } from '../../shared/runtime/app-error.ts';
import type { FenceStamp, StartCopy } from '../consumer-group.ts';
import type { Answer } from './products/product-answers.ts';

export interface PartitionRef {
  topic: string;
  partition: number;
}

/** R17: of which log, and up to where, a partition's part of the ledger follows from it. */
export type ReadMark = Omit<LogMark, 'partition'>;

/** Where the owner of a partition starts reading, and what it has to know of the log before that. */
export interface Start {
  offset: number;
  note: string | null;
  /** Absent: as it was. One that lies below the one before changes nothing. */
  mark?: ReadMark | null;
}

/** R12: an open order whose creation lies before the start offset. */
export interface CarriedOrder {
  /** Its fold, as of the read position `asOf`. */
  order: Order;
  asOf: number;
  createdOffset: number;
  /** See `Entry`. */
  usesStock: boolean;
}

/** What the last owner left. */
export interface OwnedStart extends Start {
  mark: ReadMark | null;
  carried: readonly CarriedOrder[];
}

/** A new start, and the carried orders that are stored (also again) and dropped with it. */
export interface StartMove extends Start {
  store?: readonly CarriedOrder[];
  drop?: readonly string[];
}

/** What an order asks of its stock. `version` is the order's, before the fact that is decided or was read. */
export interface StockStep {
  partition: number;
  orderId: string;
  version: number;
  /**
   * `decide`: reserve the lines, or say why not. `hold`: an applied OrderProcessing was read. `sell` and `release`: an applied
   * terminal fact was read, OrderCompleted or another.
   */
  do: 'decide' | 'hold' | 'sell' | 'release';
  lines: readonly StockLine[];
  /** The fact was in the log when the partition was assigned: whoever had decided it had committed that before. */
  takingOver?: boolean;
}

/**
 * To `decide`: `reserved` (now or before, for this version), `out-of-stock`; `wait`: the log has a product, or units of it, that the ledger has not read yet
 * (R14); `closed`: the id belongs to an order that is over (R5); `stale`: it was decided for a higher version. To others: `done`.
 */
export type StockDecision = 'reserved' | 'out-of-stock' | 'wait' | 'closed' | 'stale' | 'done';

/** What the group has committed, by topic and partition. */
export type CommittedOffsets = ReadonlyMap<string, ReadonlyMap<number, StartCopy>>;

export type Claim = { ok: true; starts: Map<number, OwnedStart> } | { ok: false; reason: 'incomplete' | 'went-back' };

/**
 * All methods reject with DATABASE_UNAVAILABLE when the same call may succeed later, and may then have happened: calling again is
 * always safe. Changes reject with LEDGER_FENCED, naming the partitions, when one of them is not this process's any more; then
 * nothing of the call has happened. They reject with LEDGER_WENT_BACK when the database has lost commits: nothing of the call has happened,
 * and no process can claim or change anything before the ledger was made again from the log.
 */
export interface Ledger {
  /**
   * Makes this process the owner: the partitions' previous owner is fenced off. Refused while the ledger is not complete, and when it went
   * back: a start offset or a stamp lies below its copy in Kafka (R8, R17), or a change has found it so.
   */
  claim(topic: string, partitions: readonly number[], committed: CommittedOffsets): Promise<Claim>;
  /** The partitions were taken away: nothing is written for them any more. */
  forget(topic: string, partitions: readonly number[]): void;
  /** Moves nothing: an owner that has nothing to write learns that it was fenced off, or that its last changes are lost. */
  confirm(topic: string, partitions: readonly number[]): Promise<void>;
  /** All of it in one transaction. */
  moveStarts(topic: string, starts: ReadonlyMap<number, StartMove>): Promise<void>;
  /**
   * Does the steps in their order, in one transaction; the decisions are in the same order. `marks`: how far their partitions were read.
   */
  moveStock(topic: string, steps: readonly StockStep[], marks?: ReadonlyMap<number, ReadMark | null>): Promise<StockDecision[]>;
  /**
   * Takes the events of one partition of products, read in order up to `end.offset`: facts change products, requests get their
   * decisions, answers that were read count as delivered. Exactly once: the start offset moves in the same transaction, and events that lie
   * before it were taken by an earlier call whose answer was lost: nothing happens.
   * Resolves with the decisions that are to be appended, and the ids of the requests whose answers are in the log now.
   */
  takeProductEvents(where: PartitionRef, events: readonly ProductEvent[], end: Start): Promise<{ answers: Answer[]; delivered: string[] }>;
  /** The outbox of a partition, in the order of the decisions. */
  undeliveredAnswers(partition: number): Promise<Answer[]>;
  /** How many products have more promised and sold than was put in (R18). */
  oversoldProducts(): Promise<number>;
  /** As this process left the partition's row; null: it is not its own. */
  stampOf(where: PartitionRef): FenceStamp | null;
}

/** The ledger names these partitions as another's. */
export class LedgerFenced extends AppError {
  readonly partitions: readonly PartitionRef[];

  constructor(partitions: readonly PartitionRef[]) {
    const names = partitions.map(({ topic, partition }) => `${topic}/${partition}`).join(', ');
    super('LEDGER_FENCED', `The ledger's rows of ${names} are not as this process left them: another one owns them.`);
    this.partitions = partitions;
  }
}
