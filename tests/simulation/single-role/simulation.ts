// tests/simulation/single-role/simulation.ts: a log, a clock and faults out of one seed, for driving the real role code without a network.
// Appends may land twice, late, unacknowledged or never, as `shared/log` documents for unknown outcomes.

import type { Appender, LogRecord, Position, RecordToAppend } from '../../../shared/log/log.ts';
import { AppError } from '../../../shared/runtime/app-error.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';

/** mulberry32 (public domain): small, seedable, good enough to pick schedules. */
export const random = (seed: number): (() => number) => {
  let state = seed >>> 0 || 1;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
};

export interface Simulation {
  clock: Clock;
  random: () => number;
  between: (min: number, max: number) => number;
  chance: (probability: number) => boolean;
  /** Faults stop happening at this time, so that everything can come to rest. */
  calmFrom: number;
  /** Runs what is scheduled, in order of time, until `end`; promises settle between two steps. May be called again. */
  run: (end: number) => Promise<void>;
  log: LogRecord[][];
  partitionOf: (key: string) => number;
  land: (record: RecordToAppend) => Position;
  /** `alive` says whether the caller still exists when the answer comes. */
  appender: (alive: () => boolean) => Appender;
}

export const simulate = (seed: number, options: { partitions: number; calmFrom: number; start: number }): Simulation => {
  const next = random(seed);
  const between = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  const chance = (probability: number): boolean => next() < probability;
  // The next one last; of one time, the last scheduled first.
  const scheduled: { at: number; callback: () => void }[] = [];
  let now = options.start;

  const clock: Clock = {
    now: () => now,
    after: (delayMs, callback) => {
      const at = now + Math.max(0, delayMs);
      let [low, high] = [0, scheduled.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (scheduled[middle]!.at > at) low = middle + 1;
        else high = middle;
      }
      scheduled.splice(low, 0, { at, callback });
    },
  };
  const log: LogRecord[][] = Array.from({ length: options.partitions }, () => []);
  const partitionOf = (key: string): number => [...key].reduce((hash, char) => (hash * 31 + char.charCodeAt(0)) >>> 0, 0) % log.length;

  const land = (record: RecordToAppend): Position => {
    const partition = partitionOf(String(record.key));
    const offset = log[partition]!.length;
    const headers = Object.fromEntries(Object.entries(record.headers).map(([name, value]) => [name, Buffer.from(value ?? '')]));
    const { topic } = record;
    log[partition]!.push({
      topic,
      partition,
      offset,
      timestamp: now,
      key: Buffer.from(record.key ?? ''),
      value: Buffer.from(record.value ?? ''),
      headers,
    });
    return { topic, partition, offset };
  };

  // One lane a process: what lands as it was appended lands in that order, whatever becomes of the answers.
  const appender = (alive: () => boolean): Appender => {
    let lastLanding = 0;
    return {
      append: (record) =>
        new Promise((resolve, reject) => {
          const settle = (delayMs: number, action: () => void): void => clock.after(delayMs, () => alive() && action());
          const landInTurn = (then: (position: Position) => void): void => {
            lastLanding = Math.max(lastLanding, now + between(1, 8));
            landLater(lastLanding - now, then);
          };
          const unknown = (): void => reject(new AppError('APPEND_OUTCOME_UNKNOWN', 'simulated'));
          const landLater = (delayMs: number, then?: (position: Position) => void): void =>
            clock.after(delayMs, () => {
              const position = land(record);
              then?.(position);
            });
          const fate = now >= simulation.calmFrom ? 0 : next();
          if (fate < 0.8) landInTurn((position) => settle(between(0, 8), () => resolve(position)));
          else if (fate < 0.86) {
            landInTurn((position) => settle(between(0, 8), () => resolve(position)));
            landLater(between(10, 400)); // a second copy
          } else if (fate < 0.91) landInTurn(() => settle(between(50, 600), unknown));
          else if (fate < 0.96) {
            settle(between(50, 600), unknown);
            landLater(between(20, chance(0.5) ? 300 : 14_000)); // lands long after everybody gave up
          } else settle(between(50, 600), unknown); // lost
        }),
    };
  };

  const run = async (end: number): Promise<void> => {
    for (let event = scheduled.pop(); event !== undefined; event = scheduled.pop()) {
      if (event.at > end) return void scheduled.push(event);
      now = event.at;
      event.callback();
      await new Promise(setImmediate);
    }
  };
  const simulation: Simulation = {
    clock,
    random: next,
    between,
    chance,
    calmFrom: options.calmFrom,
    run,
    log,
    partitionOf,
    land,
    appender,
  };
  return simulation;
};
