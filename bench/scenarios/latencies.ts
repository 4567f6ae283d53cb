// bench/scenarios/latencies.ts: how long an order takes to be answered and to show up, at a constant rate, and what that costs.

import { type Bench, type Measured, measure, requireAllAccepted } from '../bench.ts';
import { quietRounds } from '../measure/quiet-rounds.ts';
import type { Distribution } from '../measure/statistics.ts';
import { type Cost, cpuPerOrder, cpuTable } from '../report/cpu-per-order.ts';
import type { Finding, Findings } from '../report/findings.ts';
import { SCHEMA } from '../system/system.ts';

interface Rate {
  perSecond: number;
  /** Every how manieth order is looked for in PostgreSQL. */
  sampleEvery: number;
}

const RATES: Rate[] = [
  { perSecond: 200, sampleEvery: 1 },
  { perSecond: 1_000, sampleEvery: 5 },
];
const CONNECTIONS = 64;
const WARM_UP_SECONDS = 4;
const SECONDS = { quick: 8, full: 30 };
const ATTEMPTS = 3;

interface Run extends Measured {
  foreignCores: number;
}

export const latencies = async (bench: Bench): Promise<Findings> => {
  const findings: Finding[] = [];
  const timeRows: (string | number)[][] = [];
  const costs: Record<string, Cost> = {};
  for (const rate of RATES) {
    const { rounds, disturbed } = await quietRounds({ wanted: 1, attempts: ATTEMPTS, run: () => observe(bench, rate), say: bench.say });
    const run = rounds[0]!;
    const at = `${rate.perSecond.toLocaleString('en-US')}/s`;
    const cost = cpuPerOrder(run.usage, run.result.measured);
    costs[at] = cost;
    timeRows.push(...timesOf(run).map(([what, { p50, p99, max, count }]) => [at, what, ms(p50), ms(p99), ms(max), count]));
    if (rate.perSecond === 200) findings.push(...targeted(run, cost.total, disturbed));
  }
  return {
    findings,
    details: [
      {
        title: 'Latencies',
        remarks: [
          'Milliseconds from the moment an order was due at a constant rate to the answer, the frame on one WebSocket connection, and the row. A row is looked for by its id every 2 ms over one connection of the bench (at 1,000/s every fifth order), so a row’s time is up to 2 ms and one statement too long, never too short. The load generator sends in ticks of 1 ms.',
        ],
        columns: ['rate', 'until', 'p50', 'p99', 'max', 'orders'],
        rows: timeRows,
      },
      cpuTable('CPU per completed order at these rates', costs),
    ],
  };
};

const observe = async (bench: Bench, { perSecond, sampleEvery }: Rate): Promise<Run> => {
  const { system, settings, say } = bench;
  const measured = await measure(bench, {
    kind: 'observed',
    rate: perSecond,
    port: system.apiPort,
    connections: CONNECTIONS,
    warmUpSeconds: WARM_UP_SECONDS,
    seconds: settings.quick ? SECONDS.quick : SECONDS.full,
    observer: { databaseUrl: system.databaseUrl, schema: SCHEMA, feedUrl: `ws://127.0.0.1:${system.apiPort}/feed`, sampleEvery },
  });
  requireAllAccepted(measured);
  const missing = measured.result.observed!.missing;
  if (missing > 0) throw new Error(`${missing} accepted orders did not show up as completed on the feed or in PostgreSQL`);
  say(
    `c: ${perSecond}/s: ${timesOf(measured)
      .map(([what, { p50, p99 }]) => `${what} ${ms(p50)}/${ms(p99)}`)
      .join(', ')} ms`,
  );
  await system.untilCompleted();
  return { ...measured, foreignCores: measured.usage.foreignCores };
};

const timesOf = ({ result }: Measured): [string, Distribution][] => {
  const { createdVisible, completedVisible, pendingFrame, completedFrame } = result.observed!;
  return [
    ['answered', result.latency],
    ['`pending` on the feed', pendingFrame],
    ['row visible', createdVisible],
    ['`completed` on the feed', completedFrame],
    ['completed and visible', completedVisible],
  ];
};

const targeted = ({ result }: Run, costMicroseconds: number, disturbed: boolean): Finding[] => {
  const { completedVisible } = result.observed!;
  const atMost = (limit: number) => ({ bound: 'at most', limit }) as const;
  const time = (id: string, what: string, value: number, limit: number): Finding => ({
    id,
    what: `${what}, at 200 orders/s`,
    value,
    unit: 'ms',
    places: 1,
    target: atMost(limit),
    disturbed,
  });
  return [
    time('post-p50', '`POST` answered, p50', result.latency.p50, 7),
    time('completed-p50', 'completed and visible in PostgreSQL, p50', completedVisible.p50, 15),
    time('completed-p99', 'completed and visible in PostgreSQL, p99', completedVisible.p99, 50),
    {
      id: 'cpu-at-200',
      what: 'CPU per completed order, all processes of the system, in the same run',
      value: costMicroseconds,
      unit: 'µs',
      target: atMost(4_000),
      disturbed,
    },
  ];
};

const ms = (value: number): string => value.toFixed(1);
