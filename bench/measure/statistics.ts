// bench/measure/statistics.ts: the little statistics that the bench needs. Pure.

export interface Distribution {
  count: number;
  p50: number;
  p99: number;
  max: number;
}

/** Nearest rank: the smallest value that at least `share` of the values do not exceed. `sorted` ascends; NaN when it is empty. */
export const percentile = (sorted: ArrayLike<number>, share: number): number =>
  sorted.length === 0 ? Number.NaN : sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]!;

export const distribution = (values: Iterable<number>): Distribution => {
  const sorted = Float64Array.from(values).sort();
  return { count: sorted.length, p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99), max: percentile(sorted, 1) };
};

/** NaN for no values. */
export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

export interface Point {
  x: number;
  y: number;
}

/** Slope of the least-squares line; 0 for fewer than two points. */
export const slope = (points: readonly Point[]): number => {
  const mean = (of: (point: Point) => number) => points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [meanX, meanY] = [mean(({ x }) => x), mean(({ y }) => y)];
  const variance = points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
  if (points.length < 2 || variance === 0) return 0;
  return points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0) / variance;
};

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
