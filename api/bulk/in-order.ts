// api/bulk/in-order.ts: runs many pieces of work at once and returns their results in the order of the inputs.
// Back-pressure works both ways: no further input is taken while `limit` results are in progress or wait to be fetched.

export interface InOrderOptions<I, O> {
  inputs: AsyncIterable<I>;
  /** Must not reject: a failure is a result too. */
  work: (input: I) => Promise<O>;
  limit: number;
}

/**
 * Yields the results that have become ready, as soon as the first in line is. Rejects as `inputs` does, after the results of the
 * inputs before. When the consumer returns, no further input is taken, and `inputs` is returned at its next input.
 */
export async function* inOrder<I, O>({ inputs, work, limit }: InOrderOptions<I, O>): AsyncGenerator<O[]> {
  const slots: { result: { value: O } | null }[] = [];
  let left = false;
  let end: { error: unknown } | 'ended' | null = null;
  let changed = Promise.withResolvers<void>();
  const change = (): void => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  const begin = (input: I): void => {
    const slot: (typeof slots)[number] = { result: null };
    slots.push(slot);
    void work(input).then((value) => {
      slot.result = { value };
      if (slots[0] === slot) change();
    });
  };
  const takeInputs = async (): Promise<void> => {
    for await (const input of inputs) {
      if (left) return;
      begin(input);
      while (slots.length >= limit && !left) await changed.promise;
      if (left) return;
    }
  };
  const ready = (): O[] => {
    const pending = slots.findIndex(({ result }) => result === null);
    return slots.splice(0, pending === -1 ? slots.length : pending).map(({ result }) => result!.value);
  };

  takeInputs()
    .then(
      () => {
        end = 'ended';
      },
      (error) => {
        end = { error };
      },
    )
    .finally(change);
  try {
    while (end === null || slots.length > 0) {
      const results = ready();
      if (results.length === 0) {
        await changed.promise;
        continue;
      }
      change();
      yield results;
    }
    if (typeof end === 'object') throw (end as { error: unknown }).error;
  } finally {
    left = true;
    change();
  }
}
