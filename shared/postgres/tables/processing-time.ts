// shared/postgres/tables/processing-time.ts: what the buckets of table `processing_time_histogram` mean. The projector counts into
// them, the api reads percentiles out of them. Log-linear: counts of any two histograms can simply be added up, and the
// error is relative, as small for milliseconds as for days. Scheme: HdrHistogram (http://hdrhistogram.org). Pure.

// 64 buckets per power of two: a bucket is at most 1/64 of its value wide, its middle at most 0.8 % away from any member.
const BUCKETS_PER_OCTAVE = 64;
const FIRST_OCTAVE_LOG2 = 6;
/** Below this every millisecond has a bucket of its own. */
const EXACT_BELOW_MS = 2 * BUCKETS_PER_OCTAVE;

/** The bucket of a duration in whole milliseconds, 0 or more. Buckets are numbered without holes, in order of duration. */
export const bucketOf = (ms: number): number => {
  if (ms < EXACT_BELOW_MS) return ms;
  const octave = Math.floor(Math.log2(ms)) - FIRST_OCTAVE_LOG2;
  return octave * BUCKETS_PER_OCTAVE + Math.floor(ms / 2 ** octave);
};

/** The duration that stands for a bucket: its middle. Within 1 % of everything in it. */
export const durationOf = (bucket: number): number => {
  if (bucket < EXACT_BELOW_MS) return bucket;
  const octave = Math.floor(bucket / BUCKETS_PER_OCTAVE) - 1;
  const lowest = (bucket - octave * BUCKETS_PER_OCTAVE) * 2 ** octave;
  return lowest + (2 ** octave - 1) / 2;
};

/**
 * The duration that a share `q` (0 to 1) of all counted ones does not exceed, by the nearest-rank definition, within 1 %.
 * `null` for an empty histogram. Buckets may come in any order and more than once (one row per partition).
 */
export const percentile = (histogram: Iterable<{ bucket: number; count: number }>, q: number): number | null => {
  const counts = new Map<number, number>();
  let total = 0;
  for (const { bucket, count } of histogram) {
    counts.set(bucket, (counts.get(bucket) ?? 0) + count);
    total += count;
  }
  if (total === 0) return null;
  let rank = Math.max(1, Math.ceil(q * total));
  for (const bucket of [...counts.keys()].sort((a, b) => a - b)) {
    rank -= counts.get(bucket)!;
    if (rank <= 0) return durationOf(bucket);
  }
  throw new Error(`a share of ${q} is outside 0 to 1`);
};
