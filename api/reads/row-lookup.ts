// api/reads/row-lookup.ts: reads rows of single orders, many requests in one statement.
// A request that finds no statement in progress is sent at once; those that come meanwhile share the next one. So a lone read never waits,
// and a busy api asks rarely.

import { AppError } from '../../shared/runtime/app-error.ts';
import { inTime } from '../../shared/runtime/within.ts';
import type { LookedUp, ReadModel } from './read-model.ts';

export interface RowLookup {
  /** `limitMs`: how long the caller still waits, at most LOOK_UP_MAX_MS. */
  lookUp: (orderId: string, partition: number, limitMs?: number) => Promise<LookedUp>;
}

// Two, so that a slow statement does not hold up all reads; more would make smaller groups.
const STATEMENTS_MAX = 2;
const GROUP_MAX = 500;
// About two seconds of reads at full speed: a read that would wait longer is better refused at once.
const WAITING_MAX = 20_000;
// As long as a statement may take. A database that stands still holds up two statements after another; a caller waits for one at most.
const LOOK_UP_MAX_MS = 5_000;

interface WaitingLookUp {
  orderId: string;
  partition: number;
  /** Its caller has given up. */
  over: boolean;
  resolve: (found: LookedUp) => void;
  reject: (error: unknown) => void;
}

/** Each answer is from a statement that began after its question. Rejects with DATABASE_UNAVAILABLE. */
export const createRowLookup = (readModel: Pick<ReadModel, 'lookUp'>): RowLookup => {
  const waiting: WaitingLookUp[] = [];
  let underWay = 0;

  const next = async (): Promise<void> => {
    underWay += 1;
    while (waiting.length > 0) {
      const group = waiting.splice(0, GROUP_MAX).filter(({ over }) => !over);
      if (group.length === 0) continue;
      try {
        const found = await readModel.lookUp(group);
        for (const [index, { resolve }] of group.entries()) resolve(found[index]!);
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    underWay -= 1;
  };

  const lookUp: RowLookup['lookUp'] = (orderId, partition, limitMs = LOOK_UP_MAX_MS) => {
    if (waiting.length >= WAITING_MAX)
      return Promise.reject(new AppError('DATABASE_UNAVAILABLE', 'Too many reads are waiting for the read model.'));
    const { promise, resolve, reject } = Promise.withResolvers<LookedUp>();
    const mine: WaitingLookUp = { orderId, partition, over: false, resolve, reject };
    waiting.push(mine);
    if (underWay < STATEMENTS_MAX) void next();
    return inTime(Math.min(limitMs, LOOK_UP_MAX_MS), promise, () => {
      mine.over = true;
      return new AppError('DATABASE_UNAVAILABLE', 'The read model did not answer in time.');
    });
  };
  return { lookUp };
};
