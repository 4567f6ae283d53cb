// tests/simulation/kernel/simulation.ts: time, chance and processes out of one seed. Everything that happens is a step of a schedule;
// between two steps all promises settle. Nothing else runs, so the same seed gives the same history, step by step.

import type { Process } from './process.ts';
import { random } from './random.ts';
import { createSchedule, type Step } from './schedule.ts';
import { type Timekeeper, underTimekeeper } from './virtual-time.ts';

export interface Simulation extends Timekeeper {
  /** Milliseconds since the beginning, as nobody inside can know them. */
  now: () => number;
  between: (min: number, max: number) => number;
  chance: (probability: number) => boolean;
  pick: <T>(from: readonly T[]) => T;
  /** True with this probability as long as there are faults. */
  fault: (probability: number) => boolean;
  /** No fault begins from this time on, so that everything can come to rest. */
  readonly calmFrom: number;
  /** Takes a step later, in the process that takes one now unless another is named. */
  after: (delayMs: number, callback: () => void, owner?: Process | null) => Step;
  /** For the world's own promises, clients for instance. */
  pause: (delayMs: number) => Promise<void>;
  newProcess: (name: string) => Process;
  run: (untilMs: number) => Promise<void>;
  /** Runs what ends by itself, and resolves with what it found: that it stands still, if it has not ended by then. */
  runToEnd: (limitMs: number, work: () => Promise<string[]>) => Promise<string[]>;
  trace: (text: () => string) => void;
  violate: (what: string) => void;
  readonly violations: readonly string[];
}

export interface SimulationOptions {
  calmFrom: number;
  /** Hears every line of the history. */
  onTrace?: ((line: string) => void) | undefined;
}

const EPOCH = Date.parse('2026-01-01T00:00:00.000Z');
// A hundred times what a world takes: two processes that answer one another without time passing would run for ever.
const STEPS_MAX = 500_000;
const VIOLATIONS_MAX = 20; // one cause often shows many times

export const simulate = (seed: number, { calmFrom, onTrace }: SimulationOptions): Simulation => {
  const next = random(seed);
  const schedule = createSchedule();
  const violations: string[] = [];
  let now = 0;
  let sequence = 0;
  let ids = 0;
  let steps = 0;
  let current: Process | null = null;
  let ended = false;

  const between = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  const chance = (probability: number): boolean => next() < probability;
  const after: Simulation['after'] = (delayMs, callback, owner = current) => {
    sequence += 1;
    const step: Step = { at: now + Math.max(0, delayMs), sequence, owner, callback, cancelled: false, unref: () => step };
    schedule.push(step);
    return step;
  };
  const violate = (what: string): void => {
    if (violations.length < VIOLATIONS_MAX) violations.push(what);
    simulation.trace(() => `VIOLATION ${what}`);
  };

  /** The next step that is taken by somebody. */
  const due = (untilMs: number): Step | null => {
    for (;;) {
      const step = schedule.pop();
      if (step === undefined) return null;
      if (step.at > untilMs) {
        schedule.push(step);
        return null;
      }
      const { owner } = step;
      if (step.cancelled || owner?.alive === false) continue;
      if (owner === null || owner.resumesAt <= step.at) return step;
      step.at = owner.resumesAt;
      schedule.push(step);
    }
  };

  const take = (step: Step): void => {
    now = step.at;
    current = step.owner;
    try {
      step.callback();
    } catch (error) {
      violate(`${current?.name ?? 'the world'} threw ${error instanceof Error ? error.stack : String(error)}`);
      if (current) current.alive = false;
    }
  };

  const run = (untilMs: number): Promise<void> =>
    underTimekeeper(
      simulation,
      () =>
        new Promise((resolve) => {
          const one = (): void => {
            const step = due(untilMs);
            steps += 1;
            if (steps === STEPS_MAX) violate(`no end after ${STEPS_MAX} steps, at ${now} ms`);
            if (step === null || ended || steps >= STEPS_MAX) {
              [now, current] = [untilMs, null];
              resolve();
              return;
            }
            take(step);
            queueMicrotask(settled);
          };
          // Node takes its ticks when no promise is left to settle: cheaper than a turn of the event loop.
          const settled = (): void => process.nextTick(one);
          one();
        }),
    );

  const runToEnd: Simulation['runToEnd'] = async (limitMs, work) => {
    let found = ['it stands still'];
    const end = (what: string[]): void => {
      found = what;
      ended = true;
    };
    after(0, () => void work().then(end, (error: Error) => end([`it ended: ${error.stack}`])), null);
    await run(limitMs);
    return [...violations, ...found];
  };

  const simulation: Simulation = {
    now: () => now,
    wallClock: () => EPOCH + now + (current?.clockOffMs ?? 0),
    steady: () => now,
    newId: () => `id-${++ids}`,
    random: next,
    between,
    chance,
    pick: (from) => from[between(0, from.length - 1)]!,
    fault: (probability) => now < calmFrom && chance(probability),
    calmFrom,
    after,
    pause: (delayMs) => new Promise((resolve) => void after(delayMs, resolve)),
    newProcess: (name) => ({ name, alive: true, resumesAt: 0, clockOffMs: 0 }),
    run,
    runToEnd,
    trace: (text) => onTrace?.(`${String(now).padStart(6)} ${(current?.name ?? '').padEnd(12)} ${text()}`),
    violate,
    violations,
  };
  return simulation;
};
