// processor/start-commits.ts: stores where a successor is to start (R6): first in the ledger, then as a copy in Kafka.
// The copy is for lag tools and, with the stamp of the ledger's row, reveals a database that lost commits (R8, R17). An idle process repeats it now and then, so that it too notices that it
// was fenced off, by a rebuild or a restored database.

import type { GroupOffset } from '../shared/log/log.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import type { Logger } from '../shared/runtime/logger.ts';
import { copyOf, type FenceStamp } from './consumer-group.ts';
import type { StartMove } from './ledger/ledger.ts';
import { createLedgerOutage, untilLedgerAnswers } from './ledger/ledger-retries.ts';

export interface StartCommitsOptions {
  /** Where to start in every partition that this process owns, as of now. */
  starts: () => ReadonlyMap<number, StartMove>;
  /** In the ledger. */
  note: (starts: ReadonlyMap<number, StartMove>) => Promise<void>;
  /** As the ledger's row of the partition stands now, at least; null: it was taken away, and not claimed again yet. */
  stampOf: (partition: number) => FenceStamp | null;
  /** In Kafka. */
  copy: (offsets: ReadonlyMap<number, GroupOffset>) => Promise<void>;
  clock: Clock;
  logger: Logger;
}

// One statement. For this long an idle processor may look healthy beside a ledger that is not its own any more; it decides nothing there.
const REPEAT_MS = 10_000;

/** Returns what to call now and then; calls while one is under way join it. Rejects with what does not pass: end the process. */
export const createStartCommits = (options: StartCommitsOptions): (() => Promise<void>) => {
  const { starts, note, stampOf, copy, clock, logger } = options;
  const written = new Map<number, number>();
  let writtenAt = clock.now();
  let running: Promise<void> | null = null;

  const moved = (): Map<number, StartMove> => {
    const now = starts();
    for (const partition of written.keys()) if (!now.has(partition)) written.delete(partition); // may come back with another start
    const since = clock.now() - writtenAt;
    if (since >= REPEAT_MS || since < 0) return new Map(now); // negative: the clock was put back, perhaps by hours
    return new Map([...now].filter(([partition, move]) => written.get(partition) !== move.offset || changesCarried(move)));
  };
  const outage = createLedgerOutage(logger);
  const commit = async (): Promise<void> => {
    if (moved().size === 0) return;
    const done = await untilLedgerAnswers({
      call: async () => {
        const moves = moved();
        await note(moves);
        return moves;
      },
      isLive: () => moved().size > 0,
      clock,
      logger,
      outage,
    });
    if (done === null) return;
    writtenAt = clock.now();
    const copies = new Map<number, GroupOffset>();
    for (const [partition, move] of done) {
      const stamp = stampOf(partition);
      // Another owner may have moved it on before it came back: what was noted then says nothing about the start that is claimed next.
      if (stamp === null) continue;
      written.set(partition, move.offset);
      copies.set(partition, copyOf(move, stamp));
    }
    if (copies.size > 0) await copy(copies);
  };
  return () => {
    running ??= commit().finally(() => {
      running = null;
    });
    return running;
  };
};

const changesCarried = ({ store = [], drop = [] }: StartMove): boolean => store.length > 0 || drop.length > 0;
