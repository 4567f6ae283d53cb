// api/overload/admission.ts: limits the requests in flight and the records asked for per second.
// It counts and compares, nothing else: a refusal must cost next to nothing at ten times the load. No HTTP in here.

import type { WorkKind } from '../access/operations.ts';

export const REFUSALS = ['rate', 'in_flight', 'body_bytes'] as const;
export type Refusal = (typeof REFUSALS)[number];

export interface AdmissionOptions {
  /** ADMISSION_MAX_PER_SECOND; null: as many as there is room for. */
  maxPerSecond: number | null;
  onRefused?: (reason: Refusal) => void;
  /** Milliseconds that only grow. */
  now?: () => number;
}

export interface Admission {
  /** Null: begun, and `end` must follow with the same figures. Otherwise why not; then nothing is counted. */
  begin: (kind: WorkKind, bodyBytes: number) => Refusal | null;
  end: (kind: WorkKind, bodyBytes: number) => void;
  /** Takes one record's worth for work in bulk, if more than half of the burst is left then for single requests. */
  spare: () => boolean;
}

/** Requests under way, of each kind. */
export const IN_FLIGHT_MAX: Readonly<Record<WorkKind, number>> = {
  // What comes in a second at full speed while the broker pauses. A request that waits holds some 20 KB with its connection: 100 MB.
  append: 5_000,
  // Each holds a page, or 200 lines that may be 20 KB: together 80 MB. They share one gate; more of them would only be slower each.
  transfer: 20,
  // A slow database keeps each for seconds; what it answers in a second from two statements of 500 look-ups is far more.
  read: 5_000,
};

/** Bodies under way, as long as they say they are: as many bytes as the appender's queue holds. */
export const BODY_BYTES_IN_FLIGHT_MAX = 64_000_000;

// What the bucket holds. Requests come in clumps: the event loop turns, timers tick, answers that share a round free callers together.
// A tenth of a second takes clumps in whole, and adds no more than a tenth to any second.
const BURST_SECONDS = 0.1;

export const createAdmission = ({ maxPerSecond, onRefused = () => {}, now = () => performance.now() }: AdmissionOptions): Admission => {
  const perMs = maxPerSecond === null ? Number.POSITIVE_INFINITY : maxPerSecond / 1_000;
  const burst = maxPerSecond === null ? Number.POSITIVE_INFINITY : Math.max(1, maxPerSecond * BURST_SECONDS);
  const inFlight: Record<WorkKind, number> = { append: 0, transfer: 0, read: 0 };
  let bodyBytesInFlight = 0;
  let tokens = burst;
  let filledAt = now();

  /** Takes a token if at least `reserve` are left after it. */
  const take = (reserve: number): boolean => {
    if (maxPerSecond === null) return true;
    const at = now();
    tokens = Math.min(burst, tokens + (at - filledAt) * perMs);
    filledAt = at;
    if (tokens - 1 < reserve) return false;
    tokens -= 1;
    return true;
  };

  const whyNot = (kind: WorkKind, bodyBytes: number): Refusal | null => {
    if (inFlight[kind] >= IN_FLIGHT_MAX[kind]) return 'in_flight';
    if (bodyBytesInFlight + bodyBytes > BODY_BYTES_IN_FLIGHT_MAX) return 'body_bytes';
    return kind === 'append' && !take(0) ? 'rate' : null;
  };

  return {
    begin: (kind, bodyBytes) => {
      const refusal = whyNot(kind, bodyBytes);
      if (refusal !== null) {
        onRefused(refusal);
        return refusal;
      }
      inFlight[kind] += 1;
      bodyBytesInFlight += bodyBytes;
      return null;
    },
    end: (kind, bodyBytes) => {
      inFlight[kind] -= 1;
      bodyBytesInFlight -= bodyBytes;
    },
    spare: () => take(Math.min(burst / 2, burst - 1)),
  };
};
