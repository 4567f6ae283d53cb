import { describe, expect, test } from 'vitest';
import { FOREIGN_CORES_MAX, quietRounds } from '../../../bench/measure/quiet-rounds.ts';

const rounds = (...foreignCores: number[]) => {
  const left = foreignCores.map((cores, number) => ({ number, foreignCores: cores }));
  return async () => left.shift()!;
};
const BUSY = FOREIGN_CORES_MAX + 0.01;

describe('quiet rounds', () => {
  test('throws disturbed rounds away and runs others instead', async () => {
    const said: string[] = [];
    const { rounds: kept, disturbed } = await quietRounds({
      wanted: 2,
      attempts: 4,
      run: rounds(0, BUSY, FOREIGN_CORES_MAX),
      say: (sentence) => said.push(sentence),
    });
    expect(kept.map(({ number }) => number)).toEqual([0, 2]);
    expect(disturbed).toBe(false);
    expect(said).toHaveLength(1);
  });

  test('gives up at last, with the least disturbed ones in their order and a mark', async () => {
    const { rounds: kept, disturbed } = await quietRounds({ wanted: 2, attempts: 4, run: rounds(1.2, 0.4, 0.9, 0.3, 0), say: () => {} });
    expect(kept.map(({ number }) => number)).toEqual([1, 3]);
    expect(disturbed).toBe(true);
  });
});
