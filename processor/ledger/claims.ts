// processor/ledger/claims.ts: claims a processor's partitions in the ledger, which fences off their previous owner (R8).
// It waits as long as the ledger must be made again first, checks that it follows from this log, and returns where to start reading.

import type { Assignment } from '../../shared/log/log.ts';
import type { CheckMarks } from '../../shared/log/read/check-marks.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import type { CarriedOrder, CommittedOffsets, Ledger, OwnedStart } from './ledger.ts';
import type { LedgerRepair } from './repair-ledger.ts';

export interface ClaimsOptions {
  ledger: Ledger;
  topic: string;
  /** Read again for every attempt, before the ledger is asked: a living owner moves the ledger first. */
  committedOffsets: () => Promise<CommittedOffsets>;
  /** Of the topic, for the ledger (R17). */
  checkMarks: CheckMarks;
  repair: LedgerRepair;
  clock: Clock;
  logger: Logger;
}

export interface OwnedAssignment extends Assignment {
  /** R12: orders that were created before the start offset and are open there. */
  carried: readonly CarriedOrder[];
  /** The topic's, as it was when the partition was claimed. */
  topicId: string | null;
}

export interface Claims {
  /** For a reader's `startOffsets`: resolves once the partitions are claimed, or were taken away while this waited. */
  startOffsets: (partitions: number[]) => Promise<Map<number, number>>;
  /** The same assignment with the note and the orders that the last owner left in the ledger. */
  noted: (assignment: Assignment) => OwnedAssignment;
  revoked: (partitions: readonly number[]) => void;
  /** Why nothing is decided; null while all is well. */
  trouble: () => string | null;
}

const LOOK_AGAIN_MS = 1_000; // a rebuild takes seconds to minutes; this adds one

const WHY = {
  incomplete: 'the stock ledger does not contain the whole log: run `npm run orders -- rebuild`',
  'went-back':
    'the database of the stock ledger has lost commits, as after a restore or the promotion of a standby that lagged: the ledger is made again from the log',
} as const;

export const createClaims = ({ ledger, topic, committedOffsets, checkMarks, repair, clock, logger }: ClaimsOptions): Claims => {
  /** What is wanted now, each with the call that wants it: a partition may go and come back while a call waits. */
  const wanted = new Map<number, symbol>();
  const starts = new Map<number, OwnedStart>();
  let topicId: string | null = null;
  /** What calls wait for. One whose partitions went to another process waits for nothing any more. */
  const waiting = new Map<symbol, keyof typeof WHY>();
  const waitingFor = (): keyof typeof WHY | null => waiting.values().next().value ?? null;

  const note = (call: symbol, reason: keyof typeof WHY): void => {
    if (waitingFor() !== reason) logger.warn({ topic }, `waiting: ${WHY[reason]}`);
    waiting.set(call, reason);
  };
  const startOffsets = async (partitions: number[]): Promise<Map<number, number>> => {
    const call = Symbol();
    for (const partition of partitions) wanted.set(partition, call);
    return claimed(call, partitions).finally(() => waiting.delete(call));
  };
  const claimed = async (call: symbol, partitions: number[]): Promise<Map<number, number>> => {
    for (;;) {
      const committed = await committedOffsets();
      const mine = partitions.filter((partition) => wanted.get(partition) === call);
      if (mine.length === 0) return new Map();
      const claim = await ledger.claim(topic, mine, committed);
      if (claim.ok) {
        waiting.delete(call);
        // Before anything is read or decided: what the ledger holds must follow from this very log.
        topicId = await checkMarks(marksOf(claim.starts));
        // A later call may have claimed it since, behind another owner that moved it on.
        for (const [partition, start] of claim.starts) if (wanted.get(partition) === call) starts.set(partition, start);
        return new Map(Array.from(claim.starts, ([partition, { offset }]) => [partition, offset]));
      }
      note(call, claim.reason);
      if (claim.reason === 'went-back') await repair.repair();
      await new Promise<void>((resolve) => clock.after(LOOK_AGAIN_MS, resolve));
    }
  };
  return {
    startOffsets,
    noted: (assignment) => {
      const { note = null, carried = [] } = starts.get(assignment.partition) ?? {};
      return { ...assignment, metadata: note, carried, topicId };
    },
    revoked: (partitions) => {
      for (const partition of partitions) wanted.delete(partition);
      ledger.forget(topic, partitions);
    },
    trouble: () => {
      const reason = waitingFor();
      return reason === null ? null : (repair.progress() ?? WHY[reason]);
    },
  };
};

const marksOf = (starts: ReadonlyMap<number, OwnedStart>) =>
  [...starts].flatMap(([partition, { mark }]) => (mark === null ? [] : [{ partition, ...mark }]));
