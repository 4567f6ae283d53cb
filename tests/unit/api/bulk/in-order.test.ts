// Work side by side, results in line: order, limits and endings.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inOrder } from '../../../../api/bulk/in-order.ts';
import { eventually } from '../../../support/eventually.ts';
import { collect } from '../../../support/streams.ts';

async function* upTo(count: number, taken: number[] = []): AsyncGenerator<number> {
  for (let n = 0; n < count; n += 1) {
    taken.push(n);
    yield n;
  }
}

const all = async <T>(results: AsyncIterable<T[]>): Promise<T[]> => (await collect(results)).flat();

describe('results', () => {
  it('come in the order of the inputs, each once, in whatever order they become ready', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.integer({ min: 0, max: 30 }), fc.integer({ min: 1, max: 7 }), async (s, count, limit) => {
        const work = (n: number) => s.schedule(Promise.resolve(n * 10));
        const results = all(inOrder({ inputs: upTo(count), work, limit }));
        await s.waitFor(results);
        expect(await results).toEqual(Array.from({ length: count }, (_, n) => n * 10));
      }),
    );
  });

  it('are handed over as soon as the first in line is ready, while inputs are still to come', async () => {
    const more = Promise.withResolvers<void>();
    const inputs = (async function* () {
      yield 1;
      await more.promise;
      yield 2;
    })();
    const results = inOrder({ inputs, work: async (n) => n, limit: 5 });
    expect((await results.next()).value).toEqual([1]);
    more.resolve();
    expect((await results.next()).value).toEqual([2]);
    expect((await results.next()).done).toBe(true);
  });

  it('that nobody takes hold the inputs back', async () => {
    const taken: number[] = [];
    const results = inOrder({ inputs: upTo(100, taken), work: async (n) => n, limit: 5 });
    const first = (await results.next()).value as number[];
    await eventually(() => taken.length >= first.length + 5, { what: 'the inputs up to the limit' });
    await new Promise(setImmediate);
    // One more than the limit is never asked for: it would have to be kept.
    expect(taken.length).toBe(first.length + 5);
    expect([...first, ...(await all(results))]).toHaveLength(100);
  });

  it('of the inputs before a failure come before the failure', async () => {
    const inputs = (async function* () {
      yield 1;
      yield 2;
      throw new Error('broken off');
    })();
    const seen: number[] = [];
    const run = async () => {
      for await (const some of inOrder({ inputs, work: async (n) => n, limit: 5 })) seen.push(...some);
    };
    await expect(run()).rejects.toThrow('broken off');
    expect(seen).toEqual([1, 2]);
  });

  it('end the inputs when the consumer leaves', async () => {
    let returned = false;
    const inputs = (async function* () {
      try {
        for (let n = 0; ; n += 1) yield n;
      } finally {
        returned = true;
      }
    })();
    for await (const _ of inOrder({ inputs, work: async (n) => n, limit: 5 })) break;
    await eventually(() => returned, { what: 'the inputs to be returned' });
  });
});
