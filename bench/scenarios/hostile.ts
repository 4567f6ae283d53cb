// bench/scenarios/hostile.ts: what eight hostile requests at once cost the others: the answer times of orders at a low rate, without and with
// them by turns.

import { join } from 'node:path';
import { type Bench, measure, requireAllAccepted } from '../bench.ts';
import type { HostileJob } from '../load/hostile-process.ts';
import { hostileRequests } from '../load/hostile-requests.ts';
import { median } from '../measure/statistics.ts';
import type { Findings } from '../report/findings.ts';
import { type Child, startChild } from '../system/child.ts';

const RATE = 200;
const CONNECTIONS = 64;
const WARM_UP_SECONDS = 1;
const SECONDS = { quick: 2, full: 4 };
const ROUNDS = { quick: 1, full: 3 };
const SCRIPT = join(import.meta.dirname, '../load/hostile-process.ts');

interface Delayed {
  what: string;
  /** p99 of the orders, milliseconds: the median of the rounds. */
  without: number;
  with: number;
  sent: number;
}

export const hostile = async (bench: Bench): Promise<Findings> => {
  const attackers = startChild(SCRIPT);
  try {
    const all: Delayed[] = [];
    for (const [what] of hostileRequests()) all.push(await delayedBy(bench, attackers, what));
    return findingsOf(all);
  } finally {
    await attackers.stop();
  }
};

const delayedBy = async (bench: Bench, attackers: Child, what: string): Promise<Delayed> => {
  const { system, settings, say } = bench;
  const size = settings.quick ? 'quick' : 'full';
  const tell = (job: HostileJob['what']) => attackers.send({ port: system.apiPort, what: job } satisfies HostileJob);
  const p99 = async (): Promise<number> => {
    const times = { warmUpSeconds: WARM_UP_SECONDS, seconds: SECONDS[size] };
    const job = { kind: 'open', rate: RATE, port: system.apiPort, connections: CONNECTIONS, ...times } as const;
    const measured = await measure(bench, job, { extra: { attackers: attackers.pid } });
    requireAllAccepted(measured);
    return measured.result.latency.p99;
  };
  const underAttack = async (): Promise<{ p99: number; sent: number }> => {
    tell(what);
    const during = await p99();
    const { promise: answered, resolve } = Promise.withResolvers<number>();
    const stopListening = attackers.onMessage((message) => resolve((message as { sent: number }).sent));
    tell(null);
    return { p99: during, sent: await answered.finally(stopListening) };
  };
  const rounds: { without: number; with: number; sent: number }[] = [];
  while (rounds.length < ROUNDS[size]) {
    const without = await p99();
    const attacked = await underAttack();
    rounds.push({ without, with: attacked.p99, sent: attacked.sent });
  }
  await system.untilCompleted();
  const middle = (of: (round: (typeof rounds)[number]) => number): number => median(rounds.map(of));
  const delayed = {
    what,
    without: middle((round) => round.without),
    with: middle((round) => round.with),
    sent: middle(({ sent }) => sent),
  };
  say(`h: ${what}: p99 ${delayed.without.toFixed(1)} ms, with them ${delayed.with.toFixed(1)} ms`);
  return delayed;
};

const findingsOf = (all: readonly Delayed[]): Findings => ({
  findings: [
    {
      id: 'hostile-delay',
      what: `\`POST\` answered, p99, at ${RATE} orders/s: how much later with eight hostile requests at once, the worst of ${all.length} kinds`,
      value: Math.max(...all.map((each) => each.with - each.without)),
      unit: 'ms',
      places: 1,
      target: { bound: 'at most', limit: 20 },
    },
  ],
  details: [
    {
      title: 'Hostile requests',
      remarks: [
        `Orders come at ${RATE}/s, without and with eight hostile requests at once, again and again, from a process of its own on the same machine; by turns, the median of ${ROUNDS.full} rounds of ${SECONDS.full} s.`,
      ],
      columns: ['eight at once of', 'p99 without, ms', 'p99 with, ms', 'sent in a round'],
      rows: all.map((each) => [each.what, each.without.toFixed(1), each.with.toFixed(1), Math.round(each.sent)]),
    },
  ],
});
