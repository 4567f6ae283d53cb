import { describe, expect, test } from 'vitest';
import { highestSustained, isFlat } from '../../../bench/rates/sustained-rate.ts';

const minute = (backlogAt: (second: number) => number) => Array.from({ length: 61 }, (_, x) => ({ x, y: backlogAt(x) }));

describe('a flat backlog', () => {
  test('may go up and down, but not up', () => {
    const restless = minute((second) => 300 + (second % 2) * 900);
    const growing = minute((second) => 300 + second * 40);
    expect(isFlat(restless, 4_000)).toBe(true);
    expect(isFlat(growing, 4_000)).toBe(false);
  });

  test('may have had a peak that it has got over', () => {
    const peak = minute((second) => (second > 40 && second < 60 ? 9_000 : 300));
    expect(isFlat(peak, 4_000)).toBe(true);
  });

  test('is at most a second long at the end', () => {
    expect(
      isFlat(
        minute(() => 4_000),
        4_000,
      ),
    ).toBe(true);
    expect(
      isFlat(
        minute(() => 4_001),
        4_000,
      ),
    ).toBe(false);
  });

  test('needs points to be believed', () => {
    expect(isFlat([], 4_000)).toBe(false);
    expect(isFlat([{ x: 1, y: 0 }], 4_000)).toBe(false);
  });
});

/** Something that sustains `forShort` in a probe and `forLong` in a confirmation. */
const searchFor = async (forShort: number, forLong: number) => {
  const tried: string[] = [];
  const trial = (kind: string, limit: number) => async (rate: number) => {
    tried.push(`${kind} ${rate}`);
    return { rate, flat: rate <= limit };
  };
  const found = await highestSustained({ from: 3_000, step: 500, probe: trial('probe', forShort), confirm: trial('confirm', forLong) });
  return { found, tried };
};

describe('the search for the highest rate', () => {
  test('climbs until a probe fails, and confirms the last that passed', async () => {
    const { found, tried } = await searchFor(4_200, 4_200);
    expect(found).toEqual({ rate: 4_000, flat: true });
    expect(tried).toEqual(['probe 3000', 'probe 3500', 'probe 4000', 'probe 4500', 'confirm 4000']);
  });

  test('descends when the first probe fails', async () => {
    expect((await searchFor(1_700, 1_700)).found).toEqual({ rate: 1_500, flat: true });
  });

  test('goes down a step when a rate cannot be held for long', async () => {
    expect((await searchFor(5_000, 4_500)).found).toEqual({ rate: 4_500, flat: true });
  });

  test('ends, and says so, when nothing can be held', async () => {
    expect((await searchFor(5_000, 0)).found.flat).toBe(false);
    expect((await searchFor(0, 0)).found).toEqual({ rate: 500, flat: false });
  });
});
