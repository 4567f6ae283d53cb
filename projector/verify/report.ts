// projector/verify/report.ts: what a verification found. Everything is counted, the first differences are kept in full.

export interface Difference {
  what: 'order' | 'order_products' | 'archive' | 'counters' | 'histogram' | 'checkpoint';
  /** The order id; `partition@offset` for the archive; the partition for the rest. */
  id: string;
  field: string;
  /** What the log says, and what the table says; null where there is nothing. */
  expected: unknown;
  actual: unknown;
}

export interface Report {
  /** Notes a difference. Several fields of one thing count once. */
  add(difference: Difference): void;
  count(): number;
  differences(): Difference[];
}

// Enough to see what went wrong; a read model with more is rebuilt anyway.
const KEPT_MAX = 100;
// What differs is remembered, so that it counts once, up to here; beyond, every differing field counts.
const REMEMBERED_MAX = 1_000_000;

export const createReport = (): Report => {
  const things = new Set<string>();
  const kept: Difference[] = [];
  let beyond = 0;
  return {
    add: (difference) => {
      const thing = difference.what === 'order_products' ? 'order' : difference.what;
      if (things.size < REMEMBERED_MAX) things.add(`${thing} ${difference.id}`);
      else beyond += 1;
      if (kept.length < KEPT_MAX) kept.push(difference);
    },
    count: () => things.size + beyond,
    differences: () => kept,
  };
};

/** Compares two values field by field, whatever the order of their keys. */
export const isSame = (a: unknown, b: unknown): boolean => {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null || Array.isArray(a) !== Array.isArray(b)) return false;
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every(
    (name) => Object.hasOwn(b, name) && isSame((a as Record<string, unknown>)[name], (b as Record<string, unknown>)[name]),
  );
};
