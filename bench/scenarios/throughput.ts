// bench/scenarios/throughput.ts: the highest constant rate at which orders are completed and visible in PostgreSQL as fast as
// they come in, of this service and of the naive baseline, and what the service uses at that rate.

import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Bench, measure } from '../bench.ts';
import { startServerChild } from '../child.ts';
import { type Cost, cpuPerOrder, cpuTable } from '../cpu-per-order.ts';
import type { Findings } from '../findings.ts';
import { familyMemory } from '../process-usage.ts';
import { quietRounds } from '../quiet-rounds.ts';
import { type Distribution, type Point, sum } from '../statistics.ts';
import { highestSustained, isFlat, type Trial } from '../sustained-rate.ts';
import { ROLES } from '../system.ts';
import type { ProcessIds } from '../window.ts';

const SCRIPT = join(import.meta.dirname, '..', 'naive-baseline.ts');
const NAIVE_SCHEMA = 'naive_baseline';
const SEARCH = { service: { from: 3_000, step: 500 }, naive: { from: 1_500, step: 250 } };
// Enough for a rate of 5,000/s while answers take 50 ms; what is due beyond that waits in the generator, and counts.
const CONNECTIONS = 256;
const WARM_UP_SECONDS = 3;
const PROBE_SECONDS = { quick: 5, full: 8 };
const ATTEMPTS = 2; // of each trial, when others disturb it
const SETTLE_POLL_MS = 100;
const ROLE_MEMORY_MAX_MB = 350;

/** What is loaded, and how much of it is completed. */
interface Subject {
  name: string;
  port: number;
  completed: () => Promise<number>;
  /** Resolves when all that was accepted is completed. */
  settle: (accepted: number) => Promise<void>;
  extra?: ProcessIds;
}

interface Measurement extends Trial {
  foreignCores: number;
  disturbed: boolean;
  /** Completed orders per second. */
  completedRate: number;
  backlogAtEnd: number;
  latency: Distribution;
  cost: Cost;
  /** Highest seen, MB, by process. */
  memory: Record<string, number>;
}

export const throughput = async (bench: Bench): Promise<Findings> => {
  const { system } = bench;
  const service = await search(bench, SEARCH.service, {
    name: 'service',
    port: system.apiPort,
    completed: system.completed,
    settle: () => system.untilCompleted(),
  });
  const server = await startServerChild(SCRIPT, { databaseUrl: system.databaseUrl, schema: NAIVE_SCHEMA });
  try {
    const completed = async (): Promise<number> => {
      const response = await fetch(`http://127.0.0.1:${server.port}/completed`);
      return ((await response.json()) as { completed: number }).completed;
    };
    let total = 0;
    const settle = async (accepted: number): Promise<void> => {
      total += accepted;
      while ((await completed()) < total) await delay(SETTLE_POLL_MS);
    };
    const naive = await search(bench, SEARCH.naive, { name: 'naive', port: server.port, completed, settle, extra: { naive: server.pid } });
    return findingsOf(service, naive, bench.settings.seconds);
  } finally {
    await server.stop();
  }
};

const search = (bench: Bench, { from, step }: { from: number; step: number }, subject: Subject): Promise<Measurement> => {
  const { settings, say } = bench;
  const attempt = async (rate: number, seconds: number): Promise<Measurement> => {
    const run = () => hold(bench, subject, { rate, seconds });
    const { rounds, disturbed } = await quietRounds({ wanted: 1, attempts: ATTEMPTS, run, say });
    return { ...rounds[0]!, disturbed };
  };
  return highestSustained({
    from,
    step,
    probe: (rate) => attempt(rate, settings.quick ? PROBE_SECONDS.quick : PROBE_SECONDS.full),
    confirm: (rate) => attempt(rate, settings.seconds),
  });
};

/** Holds one rate for a time and says whether the subject kept up. */
const hold = async (bench: Bench, subject: Subject, { rate, seconds }: { rate: number; seconds: number }): Promise<Measurement> => {
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
  const [first, last] = [backlog[0]!, backlog.at(-1)!];
  const completedRate = (last.completed - first.completed) / (last.x - first.x);
  const refused = sum(Object.values(result.refused));
  const flat = refused === 0 && isFlat(backlog, rate);
  const isOurs = (name: string) => (subject.name === 'naive' ? name === 'naive' || name === 'postgres' : true);
  const cpu = Object.fromEntries(Object.entries(usage.cpu).filter(([name]) => isOurs(name)));
  say(
    `b: ${subject.name} at ${rate}/s for ${seconds} s: ${flat ? 'flat' : 'not flat'}, ${Math.round(completedRate)}/s completed, backlog ${last.y}, POST ${result.latency.p50.toFixed(1)}/${result.latency.p99.toFixed(1)} ms`,
  );
  await subject.settle(result.accepted);
  return {
    rate,
    flat,
    foreignCores: usage.foreignCores,
    disturbed: false,
    completedRate,
    backlogAtEnd: last.y,
    latency: result.latency,
    cost: cpuPerOrder({ ...usage, cpu }, completedRate * usage.seconds),
    memory,
  };
};

const findingsOf = (service: Measurement, naive: Measurement, seconds: number): Findings => {
  const disturbed = service.disturbed || naive.disturbed;
  const value = ({ flat, completedRate }: Measurement) => (flat ? Math.round(completedRate) : Number.NaN);
  const rows = Object.entries({ service, 'naive baseline': naive }).map(([name, { rate, flat, completedRate, backlogAtEnd, latency }]) => [
    name,
    rate,
    flat ? 'yes' : 'no',
    Math.round(completedRate),
    backlogAtEnd,
    latency.p50.toFixed(1),
    latency.p99.toFixed(1),
  ]);
  return {
    findings: [
      {
        id: 'sustained-rate',
        what: `orders per second completed and visible in PostgreSQL, lag flat for ${seconds} s`,
        value: value(service),
        unit: '/s',
        target: { bound: 'at least', limit: 4_000 },
        disturbed: service.disturbed,
      },
      {
        id: 'naive-ratio',
        what: 'the same ÷ naive baseline in the same PostgreSQL, in the same run',
        value: value(service) / value(naive),
        unit: '×',
        places: 2,
        target: { bound: 'at least', limit: 1.8, stretch: 2.6 },
        disturbed,
      },
      {
        id: 'cpu-at-full-load',
        what: 'CPU per completed order, all processes of the system, at that rate',
        value: service.cost.total,
        unit: 'µs',
        target: { bound: 'at most', limit: 400, stretch: 280 },
        disturbed: service.disturbed,
      },
      {
        id: 'memory-at-full-load',
        what: 'memory of the largest role at that rate',
        value: Math.max(...ROLES.map((role) => service.memory[role]!)),
        unit: 'MB',
        target: { bound: 'at most', limit: ROLE_MEMORY_MAX_MB },
        disturbed: service.disturbed,
      },
    ],
    details: [
      {
        title: 'Sustained rate',
        remarks: [
          `Orders are due at a constant rate over ${CONNECTIONS} connections. The backlog is what was due and is not completed in PostgreSQL. Flat: nothing refused, the backlog at the end at most one second’s worth, its trend over the whole time at most a quarter of a second’s worth. The highest rate that short probes pass is held for ${seconds} s.`,
        ],
        columns: ['', 'due, /s', 'flat', 'completed, /s', 'backlog at the end', 'POST p50, ms', 'POST p99, ms'],
        rows,
      },
      cpuTable('CPU per completed order at full load', { service: service.cost.byProcess, 'naive baseline': naive.cost.byProcess }),
      {
        title: 'Memory at full load',
        remarks: ['Megabytes resident, the highest seen. PostgreSQL’s shared memory counted once.'],
        columns: Object.keys(service.memory),
        rows: [Object.values(service.memory).map(Math.round)],
      },
    ],
  };
};
