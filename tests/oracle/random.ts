// tests/oracle/random.ts: random choices that a seed repeats.

export interface Random {
  /** 0 ≤ x < 1 */
  next: () => number;
  /** A whole number, 0 ≤ x < `below`. */
  below: (below: number) => number;
  pick: <T>(choices: readonly T[]) => T;
  /** By weight; 0 is never picked. */
  weighted: <T extends { weight: number }>(choices: readonly T[]) => T;
}

export const seeded = (seed: number): Random => {
  let state = seed >>> 0;
  // mulberry32: https://github.com/cprosche/mulberry32
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  const pick = <T>(choices: readonly T[]): T => choices[below(choices.length)]!;
  const weighted = <T extends { weight: number }>(choices: readonly T[]): T => {
    let left = next() * choices.reduce((sum, { weight }) => sum + weight, 0);
    for (const choice of choices) {
      left -= choice.weight;
      if (left < 0) return choice;
    }
    return choices.findLast(({ weight }) => weight > 0)!;
  };
  return { next, below, pick, weighted };
};
