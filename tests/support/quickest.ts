// tests/support/quickest.ts: that something is quick, on a machine that is not. What is slow by design is slow each time; what the machine
// is slow with, it is slow with now and then, so that one attempt in time is the proof.

const ATTEMPTS_MAX = 10;

/** How long the attempt took that was the first to take less than `limitMs`, or else the quickest of ten. */
export const quickest = async (limitMs: number, attempt: () => Promise<unknown>): Promise<number> => {
  let best = Number.POSITIVE_INFINITY;
  for (let attempts = 0; attempts < ATTEMPTS_MAX && best >= limitMs; attempts += 1) {
    const startedAt = performance.now();
    const took = await attempt();
    best = Math.min(best, typeof took === 'number' ? took : performance.now() - startedAt);
  }
  return best;
};
