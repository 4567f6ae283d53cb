// bench/measure/quiet-rounds.ts: repeats a measurement until it has run often enough while the machine had nothing else to do.

/** More than this many cores, taken by others on average, and a round is not counted. The kernel's own work stays below. */
export const FOREIGN_CORES_MAX = 0.15;

export interface Round {
  foreignCores: number;
}

export interface QuietRounds<T> {
  rounds: T[];
  /** There were not enough quiet ones: the rounds are the least disturbed of all. */
  disturbed: boolean;
}

export interface QuietRoundsOptions<T> {
  wanted: number;
  /** At most this many are run; the bench must end on a busy machine too. */
  attempts: number;
  run: () => Promise<T>;
  /** Absent: `isQuiet`. */
  counts?: (round: T) => boolean;
  say: (sentence: string) => void;
}

export const isQuiet = ({ foreignCores }: Round): boolean => foreignCores <= FOREIGN_CORES_MAX;

/** Resolves with `wanted` rounds, in the order in which they were run. */
export const quietRounds = async <T extends Round>(options: QuietRoundsOptions<T>): Promise<QuietRounds<T>> => {
  const { wanted, attempts, run, counts = isQuiet, say } = options;
  const all: T[] = [];
  while (all.length < attempts && all.filter(counts).length < wanted) {
    const round = await run();
    all.push(round);
    if (!counts(round)) say(`disturbed: others took ${round.foreignCores.toFixed(2)} cores meanwhile; not counted`);
  }
  const counted = all.filter(counts);
  if (counted.length >= wanted) return { rounds: counted, disturbed: !counted.every(isQuiet) };
  const least = new Set(all.toSorted((one, other) => one.foreignCores - other.foreignCores).slice(0, wanted));
  return { rounds: all.filter((round) => least.has(round)), disturbed: true };
};
