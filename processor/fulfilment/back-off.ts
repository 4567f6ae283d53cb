// processor/fulfilment/back-off.ts: how long to wait before a retry.
// Pure.

export interface BackOff {
  minMs: number;
  maxMs: number;
}

/**
 * Exponential with full jitter: anything from 0 to `minMs` doubled with every failure, at most `maxMs`. `failures` is 1-based.
 * Full jitter spreads those that failed together best: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export const backOffMs = (random: () => number, { minMs, maxMs }: BackOff, failures: number): number =>
  Math.round(random() * Math.min(maxMs, minMs * 2 ** (failures - 1)));
