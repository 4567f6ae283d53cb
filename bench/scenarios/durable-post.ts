// bench/scenarios/durable-post.ts: what durability costs. POST /orders as fast as 64 connections go, against the same route
// with a submission that appends nothing; pairs of short rounds one right after the other, because a machine's speed drifts.

import { join } from 'node:path';
import { type Bench, type Measured, measure, requireAllAccepted } from '../bench.ts';
import { type QuietRounds, quietRounds, type Round } from '../measure/quiet-rounds.ts';
import { median, sum } from '../measure/statistics.ts';
import { type Cost, cpuPerOrder, cpuTable } from '../report/cpu-per-order.ts';
import type { Findings } from '../report/findings.ts';
import { startServerChild } from '../system/child.ts';

const SCRIPT = join(import.meta.dirname, '..', 'api-without-log.ts');
const CONNECTIONS = 64;
// Together below the 6 s after which a reader that is held loses its partitions.
const WARM_UP_SECONDS = 1;
const ROUND_SECONDS = 3;
const FIRST_WARM_UP_SECONDS = 4;
const PAIRS = { quick: 3, full: 7 };
const RUNNING_ROUNDS = { quick: 1, full: 3 };

interface Pair {
  durable: Measured;
  nothing: Measured;
  foreignCores: number;
}

export const durablePost = async (bench: Bench): Promise<Findings> => {
  const { system, settings, say } = bench;
  const size = settings.quick ? 'quick' : 'full';
  const server = await startServerChild(SCRIPT, {});
  try {
    const load = (port: number, warmUpSeconds = WARM_UP_SECONDS): Promise<Measured> =>
      measure(
        bench,
        { kind: 'closed', port, connections: CONNECTIONS, warmUpSeconds, seconds: ROUND_SECONDS },
        { extra: { nothing: server.pid } },
      );
    const nothing = () => load(server.port);
    const durable = async ({ held }: { held: boolean }): Promise<Measured> => {
      if (held) system.pauseReaders();
      try {
        return await load(system.apiPort);
      } finally {
        if (held) system.resumeReaders();
      }
    };
    await load(server.port, FIRST_WARM_UP_SECONDS);
    await durable({ held: true });
    await system.untilCompleted();

    const pair = async (): Promise<Pair> => {
      const [one, other] = [await nothing(), await durable({ held: true })];
      for (const each of [one, other]) requireAllAccepted(each);
      say(`a: appends nothing ${perSecond(one)}/s, durable ${perSecond(other)}/s`);
      await system.untilCompleted();
      const foreignCores = Math.max(one.usage.foreignCores, other.usage.foreignCores);
      return { nothing: one, durable: other, foreignCores };
    };
    const pairs = await quietRounds({ wanted: PAIRS[size], attempts: 2 * PAIRS[size], run: pair, say });

    const running = async () => {
      const measured = await durable({ held: false });
      requireAllAccepted(measured);
      say(`a: with processor and projector running, durable ${perSecond(measured)}/s`);
      await system.untilCompleted();
      return { ...measured, foreignCores: measured.usage.foreignCores };
    };
    const withReaders = await quietRounds({ wanted: RUNNING_ROUNDS[size], attempts: 2 * RUNNING_ROUNDS[size], run: running, say });
    return findingsOf(pairs, withReaders);
  } finally {
    await server.stop();
  }
};

const perSecond = ({ result }: Measured): number => Math.round(result.measured / result.seconds);

const costOf = (all: readonly Measured[], isInvolved: (process: string) => boolean): Cost => {
  const total = (of: (measured: Measured) => number) => sum(all.map(of));
  const names = Object.keys(all[0]!.usage.cpu).filter(isInvolved);
  const cpu = Object.fromEntries(names.map((name) => [name, total(({ usage }) => usage.cpu[name]!)]));
  return cpuPerOrder(
    { cpu, cpuOfObservers: total(({ usage }) => usage.cpuOfObservers) },
    total(({ result }) => result.measured),
  );
};

const findingsOf = ({ rounds, disturbed }: QuietRounds<Pair>, withReaders: QuietRounds<Measured & Round>): Findings => {
  const rows = rounds.map(({ durable, nothing }) => ({ durable: perSecond(durable), nothing: perSecond(nothing) }));
  return {
    findings: [
      {
        id: 'durable-ratio',
        what: 'durable `POST /orders` ÷ the same route appending nothing, 64 connections',
        value: median(rows.map(({ durable, nothing }) => durable / nothing)),
        unit: '×',
        places: 2,
        target: { bound: 'at least', limit: 0.65, stretch: 0.8 },
        disturbed,
      },
      { id: 'durable-rate', what: 'durable `POST /orders`', value: median(rows.map(({ durable }) => durable)), unit: '/s', disturbed },
      {
        id: 'durable-rate-busy',
        what: 'the same while processor and projector run',
        value: median(withReaders.rounds.map(perSecond)),
        unit: '/s',
        disturbed: withReaders.disturbed,
      },
    ],
    details: [
      {
        title: 'Durable POST, pair by pair',
        remarks: [
          `Rounds of ${ROUND_SECONDS} s, ${CONNECTIONS} connections, each with one request in flight. Processor and projector are held during the durable rounds, so that the cores are left to the api, the broker and the load.`,
        ],
        columns: ['appends nothing, /s', 'durable, /s', 'ratio'],
        rows: rows.map(({ durable, nothing }) => [nothing, durable, (durable / nothing).toFixed(2)]),
      },
      cpuTable('CPU per POST in these rounds', {
        'appends nothing': costOf(
          rounds.map(({ nothing }) => nothing),
          (name) => name === 'nothing',
        ),
        durable: costOf(
          rounds.map(({ durable }) => durable),
          (name) => name === 'api' || name === 'broker',
        ),
      }),
    ],
  };
};
