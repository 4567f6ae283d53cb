// processor/ledger/verify/differences.ts: what a verification of the ledger found.
// Everything is counted, the first differences are kept.

export interface LedgerDifference {
  what: 'ledger' | 'carried_order' | 'reservation' | 'product' | 'product_request';
  /** The order, product or request id. */
  id: string;
  field: string;
  /** What the log says, and what the table says; null where there is nothing. */
  expected: unknown;
  actual: unknown;
}

export interface Differences {
  /** Notes a difference. Several fields of one thing count once. */
  add: (difference: LedgerDifference) => void;
  /** Notes it unless both are the same as JSON. */
  compare: (thing: Pick<LedgerDifference, 'what' | 'id' | 'field'>, expected: unknown, actual: unknown) => void;
  count: () => number;
  first: () => LedgerDifference[];
}

const KEPT_MAX = 100; // enough to see what went wrong; a ledger with more is rebuilt anyway

export const createDifferences = (): Differences => {
  const things = new Set<string>();
  const kept: LedgerDifference[] = [];
  const add = (difference: LedgerDifference): void => {
    things.add(`${difference.what} ${difference.id}`);
    if (kept.length < KEPT_MAX) kept.push(difference);
  };
  return {
    add,
    compare: (thing, expected, actual) => {
      if (canonical(expected) !== canonical(actual)) add({ ...thing, expected, actual });
    },
    count: () => things.size,
    first: () => kept,
  };
};

/** JSON with the keys of objects in order: jsonb does not keep the writer's. */
const canonical = (value: unknown): string | undefined =>
  JSON.stringify(value, (_, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)))
      : part,
  );
