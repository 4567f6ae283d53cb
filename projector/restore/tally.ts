// projector/restore/tally.ts: counts what became of each archived record of a partition. Pure.

import type { ArchiveRow } from '../../shared/postgres/tables/archive-rows.ts';
import type { LeftOutBecause } from './archived-record.ts';

export interface RestoredPartition {
  partition: number;
  /** Records of the archive. */
  archived: number;
  /** Of those: in the log before. */
  found: number;
  appended: number;
  /** Orders that began with one of those appended. */
  orders: number;
  /** Appended, or before everything that was written since, but at another offset than in the archive. */
  moved: number;
  /** Neither found nor appended: how many, and the first hundred of them. */
  leftOutCount: number;
  leftOut: { partition: number; offset: number; because: LeftOutBecause }[];
  /** Offsets that the archive does not have, though it begins before them and ends behind them. */
  missing: number;
}

export interface Tally {
  /** To be called for each row, in the order of the archive, when it is read. */
  archived(row: ArchiveRow, offsetAfter: number): void;
  /** `at`: where it is in the log; null: somewhere among what was written since. */
  found(row: ArchiveRow, at: number | null): void;
  appended(row: ArchiveRow, at: number): void;
  leftOut(row: ArchiveRow, because: LeftOutBecause): void;
  total(): RestoredPartition;
}

const LEFT_OUT_SHOWN = 100;
const CREATION = /^orders\.OrderCreated\.v\d+$/;

/** For an archive that begins at `from` and whose last record ends before `to`. */
export const createTally = (partition: number, { from, to }: { from: number; to: number }): Tally => {
  const total: RestoredPartition = {
    partition,
    archived: 0,
    found: 0,
    appended: 0,
    orders: 0,
    moved: 0,
    leftOutCount: 0,
    leftOut: [],
    missing: 0,
  };
  let next = from;
  return {
    archived: ({ log_offset: offset }, offsetAfter) => {
      total.archived += 1;
      total.missing += Math.max(offset - next, 0);
      next = Math.max(next, offsetAfter);
    },
    found: (row, at) => {
      total.found += 1;
      if (at !== null && at !== row.log_offset) total.moved += 1;
    },
    appended: (row, at) => {
      total.appended += 1;
      if (row.effect === 'applied' && CREATION.test(row.type ?? '')) total.orders += 1;
      if (at !== row.log_offset) total.moved += 1;
    },
    leftOut: (row, because) => {
      total.leftOutCount += 1;
      if (total.leftOut.length < LEFT_OUT_SHOWN) total.leftOut.push({ partition, offset: row.log_offset, because });
    },
    total: () => ({ ...total, missing: total.missing + Math.max(to - next, 0) }),
  };
};
