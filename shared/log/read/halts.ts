// shared/log/read/halts.ts: partitions that are not read on, because a record of theirs is of a type that only newer code knows.
// To read on would be to disagree with readers that know it. What was read before it is served as before, and nothing is written.

import { AppError } from '../../runtime/app-error.ts';
import type { Logger } from '../../runtime/logger.ts';

export interface Halts {
  /** The partition is read up to such a record. The promise holds the reader back: it resolves once `clear` is called. */
  halt: (partition: number, unknown: AppError) => Promise<void>;
  isHalted: (partition: number) => boolean;
  /** The sentence about the first of them, null while all are read. */
  why: () => string | null;
  /** They are read again, from where their readers were sought to. */
  clear: () => void;
}

export const createHalts = (logger: Logger): Halts => {
  const halted = new Map<number, { unknown: AppError; readOn: () => void }>();
  return {
    halt: (partition, unknown) => {
      logger.error(
        { partition, code: unknown.code },
        `${unknown.message} Until then this instance serves what it has read and writes nothing`,
      );
      return new Promise((readOn) => halted.set(partition, { unknown, readOn }));
    },
    isHalted: (partition) => halted.has(partition),
    why: () => [...halted.values()][0]?.unknown.message ?? null,
    clear: () => {
      const all = [...halted.values()];
      halted.clear();
      for (const { readOn } of all) readOn();
    },
  };
};

/** Decodes records in their order, up to one that only newer code knows. */
export const decodeKnown = <Record, Decoded>(
  records: readonly Record[],
  decode: (record: Record) => Decoded,
): { decoded: Decoded[]; unknown: AppError | null } => {
  const decoded: Decoded[] = [];
  for (const record of records) {
    try {
      decoded.push(decode(record));
    } catch (error) {
      if (error instanceof AppError && error.code === 'UNKNOWN_EVENT_TYPE') return { decoded, unknown: error };
      throw error;
    }
  }
  return { decoded, unknown: null };
};
