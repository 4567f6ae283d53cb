// shared/log/log.ts: the log as the roles see it: types, and which offset comes after a record.
// Roles depend on nothing else of the log, so that the same code runs on kafkajs (the other files of this folder) and on a simulated log.

/** Where a record stands. Offsets fit a double: 2^53 records per partition are out of reach. */
export interface Position {
  topic: string;
  partition: number;
  offset: number;
}

/** A header byte for byte. */
export type ExactHeader = readonly [name: Buffer, value: Buffer | null];

/**
 * Why a batch is not opened (docs/decisions/0016): it belongs to a transaction, is compressed in a way that is not read, holds more than
 * a reader takes into memory at once, or is no batch at all.
 */
export const UNOPENED_REASONS = ['TRANSACTIONAL', 'UNKNOWN_CODEC', 'TOO_LARGE', 'MALFORMED_BATCH'] as const;
export type UnopenedReason = (typeof UNOPENED_REASONS)[number];

/** A record as read. Header values are the raw bytes: of a name that comes twice the last one, nothing for one without a value. */
export interface LogRecord extends Position {
  /** The record's Kafka timestamp, epoch milliseconds. */
  timestamp: number;
  key: Buffer | null;
  value: Buffer | null;
  headers: Readonly<Record<string, Buffer>>;
  /** All headers in their order, only where `headers` does not say it: a name that comes twice, one that is no text, no value. */
  exactHeaders?: readonly ExactHeader[];
  /** This stands for all the records of a batch that nobody opens, up to this offset. Its value is the batch, its headers describe it. */
  unopened?: { reason: UnopenedReason; lastOffset: number };
}

/** The offset of the record that follows. */
export const offsetAfter = ({ offset, unopened }: Pick<LogRecord, 'offset' | 'unopened'>): number => (unopened?.lastOffset ?? offset) + 1;

export interface RecordToAppend {
  topic: string;
  /** Decides the partition. Only dead letters, which repeat foreign records byte for byte, use bytes or null. */
  key: string | Buffer | null;
  value: string | Buffer | null;
  headers: Record<string, string | Buffer>;
  /** They come before the others, as they are. */
  exactHeaders?: readonly ExactHeader[];
  /** Where it goes whatever its key: for a foreign record that is put back where it was. */
  partition?: number;
}

/**
 * Appends by group commit. `append` resolves with the record's position once every in-sync replica has it; the confirmed records of
 * one partition stand in the order of their `append` calls. It rejects with
 * `APPEND_OUTCOME_UNKNOWN` when the record may or may not be in the log now, later, or twice: append the same event again,
 * arbitration voids what is too much. It rejects with `LOG_OVERLOADED`, `LOG_UNAVAILABLE` or `RECORD_TOO_LARGE` when the record is
 * certainly not in the log. A record that was confirmed may still be there twice, if its leader moved meanwhile.
 */
export interface Appender {
  append(record: RecordToAppend): Promise<Position>;
}

/** A partition that a reader has been given: it delivers from `startOffset`; the log ended at `highWatermark` when asked. */
export interface Assignment {
  partition: number;
  startOffset: number;
  highWatermark: number;
  /** What the group's committed offset was stored with; null without one. */
  metadata: string | null;
}

/** An offset for the group: the next to read, with a short note (at most a few hundred bytes) that comes back in `Assignment`. */
export interface GroupOffset {
  offset: number;
  metadata?: string;
}

/** What a reader calls. All calls for one partition come one after the other; each record begins where the one before it ends. */
export interface ReaderHandlers {
  /** Where to start in newly assigned partitions. Absent entries start at the group's committed offset, else at the beginning. */
  startOffsets?: (partitions: number[]) => Promise<Map<number, number>>;
  /** Called before the first record of a newly assigned partition. Partitions that were kept over a rebalance are not named again. */
  onAssigned: (assignments: Assignment[]) => void;
  /** Nothing more comes for these. Not called on `stop`. */
  onRevoked: (partitions: number[]) => void;
  /** A promise holds the reader back (it keeps its place in the group meanwhile). `highWatermark`: the log's end as of this fetch. */
  onRecords: (partition: number, records: LogRecord[], highWatermark: number) => void | Promise<void>;
  /** The reader cannot go on: log why and end the process, the supervisor starts it again. */
  onFatal: (error: Error) => void;
}

export interface Reader {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Deliver this partition again from `offset`, discarding what was fetched. */
  seek(partition: number, offset: number): void;
  /** Stores the group's offsets (the next to read). Best effort: a failed commit is logged and superseded by the next. */
  commit(offsets: ReadonlyMap<number, GroupOffset>): Promise<void>;
  /** Records that are in the log but not delivered yet, per assigned partition, as of the last fetch. */
  lag(): ReadonlyMap<number, number>;
  /** True once the group has given this reader its share (maybe none) and reading has begun there; false while that is in doubt. */
  isSettled(): boolean;
  /** When, by `performance.now()`, the last fetch succeeded, empty ones included: a reader that stands still shows here. */
  lastFetchAt(): number;
}
