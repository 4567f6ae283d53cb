// tests/support/streams.ts: what tests of streams ask for: everything that came, and whether something still moves.

export const collect = async <T>(source: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const each of source) all.push(each);
  return all;
};

// Of `eventually`'s looks, 50 ms apart.
const SAME_LOOKS = 10;

/** A check for `eventually`: true once the value has been the same for half a second. */
export const standsStill = (value: () => number): (() => boolean) => {
  let [last, looks] = [Number.NaN, 0];
  return () => {
    const now = value();
    looks = now === last ? looks + 1 : 0;
    last = now;
    return looks >= SAME_LOOKS;
  };
};
