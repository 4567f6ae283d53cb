// shared/log/dead-letters/redriven-letters.ts: reads dead letters back: the records they were, and which of them were redriven.
// dead-letters.ts writes them. The mark of a redriven letter is a record in the same topic with the origin of the letter and `dl_redriven`.

import type { LogRecord, Position, RecordToAppend } from '../log.ts';

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
}

export const nameOf = ({ topic, partition, offset }: Position): string => `${topic}/${partition}@${offset}`;

// Left out again of what is put back. A record that had headers of these names itself loses them, as it did in its letter.
const OURS = ['dl_topic', 'dl_partition', 'dl_offset', 'dl_reason', 'dl_time', 'dl_value_omitted'];
const MARK = 'dl_redriven';

/** Null for a record that is neither, which does not belong there. */
export const readLetter = (record: LogRecord): { letter: DeadLetter } | { redriven: Position } | null => {
  const text = (name: string): string | null => record.headers[name]?.toString() ?? null;
  const [topic, partition, offset] = [text('dl_topic'), Number(text('dl_partition') ?? -1), Number(text('dl_offset') ?? -1)];
  if (!topic || !Number.isSafeInteger(partition) || partition < 0 || !Number.isSafeInteger(offset) || offset < 0) return null;
  const origin = { topic, partition, offset };
  if (record.headers[MARK] !== undefined && record.headers.dl_reason === undefined) return { redriven: origin };
  const omitted = text('dl_value_omitted');
  const bytes = omitted === null ? (record.value?.length ?? 0) : Number(omitted);
  const [reason, time] = [text('dl_reason') ?? '', text('dl_time') ?? ''];
  return { letter: { origin, reason, time, key: record.key, bytes, isOmitted: omitted !== null } };
};

/** The record as it was, byte for byte, for its own topic and partition. */
export const originalOf = (record: LogRecord, { topic, partition }: Position): RecordToAppend => ({
  topic,
  partition,
  key: record.key,
  value: record.value,
  headers: Object.fromEntries(Object.entries(record.headers).filter(([name]) => !OURS.includes(name))),
});

/** Beside the letter: its origin was redriven, and where the copy is. */
export const redrivenMark = ({ topic, partition }: LogRecord, origin: Position, copy: Position): RecordToAppend => ({
  topic,
  partition,
  key: null,
  value: null,
  headers: {
    dl_topic: origin.topic,
    dl_partition: String(origin.partition),
    dl_offset: String(origin.offset),
    [MARK]: nameOf(copy),
    dl_time: new Date().toISOString(),
  },
});
