// ops/cli/dead-letters.ts: the dead-letter topic for the operator's command line: what is in it, and putting records back.

import type { LogClient } from '../../shared/log/connect/client.ts';
import { type DeadLetter, nameOf, originalOf, readLetter, redrivenMark } from '../../shared/log/dead-letters/redriven-letters.ts';
import type { Appender, LogRecord } from '../../shared/log/log.ts';
import { readRange } from '../../shared/log/read/read-range.ts';
import { logEnd } from '../../shared/log/topics/offsets.ts';
import { AppError } from '../../shared/runtime/app-error.ts';

export interface ListedLetter extends DeadLetter {
  /** Its offset in the dead-letter topic. */
  at: { partition: number; offset: number };
  redriven: boolean;
}

export interface LetterFilter {
  /** Of the origin, like `offset`. */
  topic?: string;
  partition?: number;
  offset?: number;
  reason?: string;
}

export const isMeant = ({ origin, reason }: DeadLetter, filter: LetterFilter): boolean =>
  (filter.topic ?? origin.topic) === origin.topic &&
  (filter.partition ?? origin.partition) === origin.partition &&
  (filter.offset ?? origin.offset) === origin.offset &&
  (filter.reason ?? reason) === reason;

/** The newest `limit` letters that are meant, oldest first, each origin once. Holds no values, so it may be many. */
export const listLetters = async (client: LogClient, topic: string, filter: LetterFilter, limit: number): Promise<ListedLetter[]> => {
  const letters = new Map<string, ListedLetter>();
  const onRecord = (record: LogRecord): void => {
    const read = readLetter(record);
    if (read === null) return;
    if ('redriven' in read) {
      const known = letters.get(nameOf(read.redriven));
      if (known) known.redriven = true;
      return;
    }
    if (!isMeant(read.letter, filter) || letters.has(nameOf(read.letter.origin))) return;
    letters.set(nameOf(read.letter.origin), { ...read.letter, at: record, redriven: false });
    if (letters.size > limit) letters.delete(letters.keys().next().value!);
  };
  const ends = await logEnd(client, topic);
  await readRange({
    client,
    topic,
    from: new Map(Array.from(ends, ([partition, { low }]) => [partition, low])),
    to: new Map(Array.from(ends, ([partition, { high }]) => [partition, high])),
    onRecords: (_, records) => records.forEach(onRecord),
  });
  return [...letters.values()].map((letter) => ({ ...letter, at: { partition: letter.at.partition, offset: letter.at.offset } }));
};

export interface PutBackOptions {
  client: LogClient;
  appender: Appender;
  /** The dead-letter topic. */
  topic: string;
  letters: readonly ListedLetter[];
  /** Partitions of the topics that records may be put back into. */
  partitionCounts: ReadonlyMap<string, number>;
  onDone: (count: number) => void;
}

export interface LeftOut {
  letter: ListedLetter;
  why: string;
}

/**
 * Appends each record as it was to where it was, one after the other in the order of the letters, and marks it as redriven once the
 * append is acknowledged. A run that dies between the two redrives that record again: two copies of an event are one event to every
 * reader. Resolves with the letters that could not be put back; rejects where the log fails.
 */
export const putBack = async ({ client, appender, topic, letters, partitionCounts, onDone }: PutBackOptions): Promise<LeftOut[]> => {
  const wanted = new Map(letters.map((letter) => [`${letter.at.partition}@${letter.at.offset}`, letter]));
  const leftOut: LeftOut[] = [];
  let count = 0;
  const putOne = async (record: LogRecord, { origin }: ListedLetter): Promise<string | null> => {
    try {
      const copy = await appender.append(originalOf(record, origin));
      await appender.append(redrivenMark(record, origin, copy));
      return null;
    } catch (error) {
      if (error instanceof AppError && error.code === 'RECORD_TOO_LARGE') return 'it is too large to be appended';
      throw error;
    }
  };
  await readRange({
    client,
    topic,
    ...rangeOf(letters),
    onRecords: async (partition, records) => {
      for (const record of records) {
        const letter = wanted.get(`${partition}@${record.offset}`);
        if (letter === undefined) continue;
        const why = whyNot(letter, partitionCounts) ?? (await putOne(record, letter));
        if (why === null) onDone(++count);
        else leftOut.push({ letter, why });
      }
    },
  });
  return leftOut;
};

/** From the first to the last of them, in every partition that has any. */
const rangeOf = (letters: readonly ListedLetter[]): { from: Map<number, number>; to: Map<number, number> } => {
  const offsets = Map.groupBy(letters, ({ at }) => at.partition);
  const ends = (pick: (...numbers: number[]) => number, plus: number) =>
    new Map(Array.from(offsets, ([partition, some]) => [partition, pick(...some.map(({ at }) => at.offset)) + plus]));
  return { from: ends(Math.min, 0), to: ends(Math.max, 1) };
};

const whyNot = ({ origin, isOmitted, isBatch }: ListedLetter, partitionCounts: ReadonlyMap<string, number>): string | null => {
  if (isBatch) return 'it is a batch that was not opened: have its writer send the records again, without transaction and codec';
  if (isOmitted) return 'its value was too large to be copied; it is only where it was';
  if (origin.partition >= (partitionCounts.get(origin.topic) ?? 0)) return `there is no ${origin.topic}/${origin.partition} here`;
  return null;
};
