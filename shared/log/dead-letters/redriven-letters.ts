// shared/log/dead-letters/redriven-letters.ts: reads dead letters back: the records they were, and which of them were redriven.
// dead-letters.ts writes them. The mark of a redriven letter is a record in the same topic with the origin of the letter and `dl_redriven`.

import { type ExactHeader, type LogRecord, type Position, type RecordToAppend, UNOPENED_REASONS } from '../log.ts';
import { exactHeadersOf } from '../protocol/exact-headers.ts';
import { FIRST_ADDED } from './dead-letters.ts';

export interface DeadLetter {
  /** Where the record stood. A letter that was written twice has one origin. */
  origin: Position;
  reason: string;
  /** ISO 8601, when it was set aside. */
  time: string;
  key: Buffer | null;
  /** Of the value. */
  bytes: number;
  /** The value was too large to be copied: it is at its origin only. */
  isOmitted: boolean;
  /** The value is a batch that was not opened, no record. */
  isBatch: boolean;
}

export const nameOf = ({ topic, partition, offset }: Position): string => `${topic}/${partition}@${offset}`;

const MARK = 'dl_redriven';
const BATCH_REASONS: ReadonlySet<string> = new Set(UNOPENED_REASONS);

/** Null for a record that is neither, which does not belong there. */
export const readLetter = (record: LogRecord): { letter: DeadLetter } | { redriven: Position } | null => {
  const { added } = splitHeaders(record);
  const text = (name: string): string | null => added.get(name)?.toString() ?? null;
  const [topic, partition, offset] = [text('dl_topic'), Number(text('dl_partition') ?? -1), Number(text('dl_offset') ?? -1)];
  if (!topic || !Number.isSafeInteger(partition) || partition < 0 || !Number.isSafeInteger(offset) || offset < 0) return null;
  const origin = { topic, partition, offset };
  if (text(MARK) !== null && text('dl_reason') === null) return { redriven: origin };
  const omitted = text('dl_value_omitted');
  const bytes = omitted === null ? (record.value?.length ?? 0) : Number(omitted);
  const [reason, time] = [text('dl_reason') ?? '', text('dl_time') ?? ''];
  return { letter: { origin, reason, time, key: record.key, bytes, isOmitted: omitted !== null, isBatch: BATCH_REASONS.has(reason) } };
};

/** The record as it was, byte for byte, for its own topic and partition. */
export const originalOf = (record: LogRecord, { topic, partition }: Position): RecordToAppend => ({
  topic,
  partition,
  key: record.key,
  value: record.value,
  headers: {},
  exactHeaders: splitHeaders(record).own,
});

/** What the record had itself, and what dead-letters.ts has added behind it. */
const splitHeaders = (record: LogRecord): { own: readonly ExactHeader[]; added: ReadonlyMap<string, Buffer | null> } => {
  const all = exactHeadersOf(record);
  const first = all.findLastIndex(([name]) => name.toString() === FIRST_ADDED);
  if (first === -1) return { own: all, added: new Map() };
  return { own: all.slice(0, first), added: new Map(all.slice(first).map(([name, value]) => [name.toString(), value])) };
};

/** Beside the letter: its origin was redriven, and where the copy is. */
export const redrivenMark = ({ topic, partition }: LogRecord, origin: Position, copy: Position): RecordToAppend => ({
  topic,
  partition,
  key: null,
  value: null,
  headers: {
    [FIRST_ADDED]: origin.topic,
    dl_partition: String(origin.partition),
    dl_offset: String(origin.offset),
    [MARK]: nameOf(copy),
    dl_time: new Date().toISOString(),
  },
});
