// projector/pace.ts: decides when the next batch may be committed.
// A commit costs about the same for one record as for fifty, so under steady traffic records wait a little to share one; after a pause the
// first one goes at once. Pure: the caller passes the time.

export interface Pace {
  /** Milliseconds to wait before the next commit may start. */
  delay(now: number): number;
  /** To be called when a commit of `records` records starts. */
  started(now: number, records: number): void;
}

// The traffic that counts is that of about the last half second.
const RATE_WINDOW_MS = 500;
// From this rate on the full gap is kept; below, it shrinks in proportion, so that a quiet service stays quick.
const BUSY_RECORDS_PER_MS = 10;

/** `maxGapMs` is the longest wait: what a busy service gives in latency for fewer, larger transactions. 0 never waits. */
export const createPace = (maxGapMs: number): Pace => {
  let recordsPerMs = 0;
  let lastStart = Number.NEGATIVE_INFINITY;
  return {
    delay: (now) => Math.max(0, lastStart + maxGapMs * Math.min(1, recordsPerMs / BUSY_RECORDS_PER_MS) - now),
    started: (now, records) => {
      const elapsed = Math.max(now - lastStart, 1);
      const weight = 1 - Math.exp(-elapsed / RATE_WINDOW_MS);
      recordsPerMs += weight * (records / elapsed - recordsPerMs);
      lastStart = now;
    },
  };
};
