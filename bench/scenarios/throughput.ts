// bench/scenarios/throughput.ts: the highest constant rate at which orders are completed and visible as fast as they come in.
// For this service and for the naive baseline, with what the service uses at that rate.

import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import { isQuiet, quietRounds } from '../measure/quiet-rounds.ts';
import { CONNECTIONS, hold, type Measurement, type Subject } from '../rates/hold-rate.ts';
import { highestSustained } from '../rates/sustained-rate.ts';
import { cpuTable } from '../report/cpu-per-order.ts';
import type { Findings } from '../report/findings.ts';
import { startServerChild } from '../system/child.ts';
import { ROLES } from '../system/system.ts';

const SCRIPT = join(import.meta.dirname, '..', 'naive-baseline.ts');
const NAIVE_SCHEMA = 'naive_baseline';
const SEARCH = { service: { from: 4_500, step: 500 }, naive: { from: 2_000, step: 250 } };
const PROBE_SECONDS = { quick: 5, full: 8 };
const ATTEMPTS = 3; // of each trial, when others disturb it
const SETTLE_POLL_MS = 100;
const ROLE_MEMORY_MAX_MB = 350;

export const throughput = async (bench: Bench): Promise<Findings> => {
  const { system } = bench;
  const service = await search(bench, SEARCH.service, {
    name: 'service',
    port: system.apiPort,
    completed: system.completed,
    settle: () => system.untilCompleted(),
    paidBy: () => true,
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
    const naive = await search(bench, SEARCH.naive, {
      name: 'naive',
      port: server.port,
      completed,
      settle,
      extra: { naive: server.pid },
      paidBy: (process) => process === 'naive' || process === 'postgres',
    });
    return findingsOf(service, naive, bench.settings.seconds);
  } finally {
    await server.stop();
  }
};

type Found = Measurement & { disturbed: boolean };

const search = (bench: Bench, { from, step }: { from: number; step: number }, subject: Subject): Promise<Found> => {
  const { settings, say } = bench;
  const attempt = async (rate: number, seconds: number): Promise<Found> => {
    const run = () => hold(bench, subject, { rate, seconds });
    // Others can only make it harder: what was flat all the same need not be tried again.
    const counts = (trial: Measurement) => trial.flat || isQuiet(trial);
    const { rounds, disturbed } = await quietRounds({ wanted: 1, attempts: ATTEMPTS, run, counts, say });
    return { ...rounds[0]!, disturbed };
  };
  return highestSustained({
    from,
    step,
    probe: (rate) => attempt(rate, settings.quick ? PROBE_SECONDS.quick : PROBE_SECONDS.full),
    confirm: (rate) => attempt(rate, settings.seconds),
  });
};

const findingsOf = (service: Found, naive: Found, seconds: number): Findings => {
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
          `Orders are due at a constant rate over ${CONNECTIONS} connections. The backlog is what was due and is not completed in PostgreSQL. Flat: nothing refused, and at the end the backlog is at most a quarter of a second’s worth, or at most a second’s worth and its trend over the whole time at most a quarter’s. The highest rate that short probes pass is held for ${seconds} s.`,
        ],
        columns: ['', 'due, /s', 'flat', 'completed, /s', 'backlog at the end', 'POST p50, ms', 'POST p99, ms'],
        rows,
      },
      cpuTable('CPU per completed order at full load', { service: service.cost, 'naive baseline': naive.cost }),
      {
        title: 'Memory at full load',
        remarks: ['Megabytes resident, the highest seen. PostgreSQL’s shared memory counted once.'],
        columns: Object.keys(service.memory),
        rows: [Object.values(service.memory).map(Math.round)],
      },
    ],
  };
};
