// bench/rates/hold-rate.ts: holds one constant rate for a time.
// It says whether the orders were completed as fast as they came, and what was used meanwhile.

import { type Bench, measure } from '../bench.ts';
import { familyMemory } from '../measure/process-usage.ts';
import type { Round } from '../measure/quiet-rounds.ts';
import { type Distribution, type Point, sum } from '../measure/statistics.ts';
import type { ProcessIds } from '../measure/window.ts';
import { type Cost, cpuPerOrder } from '../report/cpu-per-order.ts';
import { isFlat, type Trial } from './sustained-rate.ts';

// Enough for a rate of 5,000/s while answers take 50 ms; what is due beyond that waits in the generator, and counts.
export const CONNECTIONS = 256;
const WARM_UP_SECONDS = 3;

/** What is loaded, and how much of it is completed. */
export interface Subject {
  name: string;
  port: number;
  completed: () => Promise<number>;
  /** Resolves when all that was accepted is completed. */
  settle: (accepted: number) => Promise<void>;
  /** Its processes, where they are not the system's. */
  extra?: ProcessIds;
  /** Whose CPU time its orders cost. */
  paidBy: (process: string) => boolean;
}

export interface Measurement extends Trial, Round {
  /** Completed orders per second. */
  completedRate: number;
  backlogAtEnd: number;
  latency: Distribution;
  cost: Cost;
  /** Highest seen, MB, by process. */
  memory: Record<string, number>;
}

/** Settles afterwards: the next trial starts without a backlog. */
export const hold = async (bench: Bench, subject: Subject, { rate, seconds }: { rate: number; seconds: number }): Promise<Measurement> => {
  const { system, say } = bench;
  const processes = (): ProcessIds => ({ ...system.processes(), ...subject.extra });
  const before = await subject.completed();
  const points: (Point & { completed: number })[] = [];
  const memory: Record<string, number> = {};
  const onProgress = async ({ due }: { due: number }): Promise<void> => {
    const at = performance.now() / 1_000;
    const completed = (await subject.completed()) - before;
    points.push({ x: at, y: due - completed, completed });
    for (const [name, pid] of Object.entries(processes())) memory[name] = Math.max(memory[name] ?? 0, familyMemory(pid));
  };
  const startedAt = performance.now() / 1_000;
  const { result, usage } = await measure(
    bench,
    { kind: 'open', rate, port: subject.port, connections: CONNECTIONS, warmUpSeconds: WARM_UP_SECONDS, seconds },
    { extra: subject.extra, onProgress: (progress) => void onProgress(progress).catch(() => {}) }, // a point less
  );
  const backlog = points.filter(({ x }) => x >= startedAt + WARM_UP_SECONDS && x <= startedAt + WARM_UP_SECONDS + seconds);
  const [first, last] = [backlog[0], backlog.at(-1)];
  if (first === undefined || last === undefined || first === last) throw new Error('nothing could be seen of the backlog');
  const completedRate = (last.completed - first.completed) / (last.x - first.x);
  const refused = sum(Object.values(result.refused));
  const flat = refused === 0 && isFlat(backlog, rate);
  const cpu = Object.fromEntries(Object.entries(usage.cpu).filter(([name]) => subject.paidBy(name)));
  say(
    `b: ${subject.name} at ${rate}/s for ${seconds} s: ${flat ? 'flat' : 'not flat'}, ${Math.round(completedRate)}/s completed, backlog ${last.y}, POST ${result.latency.p50.toFixed(1)}/${result.latency.p99.toFixed(1)} ms`,
  );
  await subject.settle(result.accepted);
  return {
    rate,
    flat,
    foreignCores: usage.foreignCores,
    completedRate,
    backlogAtEnd: last.y,
    latency: result.latency,
    cost: cpuPerOrder({ ...usage, cpu }, completedRate * usage.seconds),
    memory,
  };
};
