// bench/scenarios/overload.ts: what is left of the service when more comes than it takes. ADMISSION_MAX_PER_SECOND is lowered so
// that one machine can bring ten times as much; orders come at that rate, at twice and at ten times it, whatever the answers are.

import { type Bench, type Measured, measure } from '../bench.ts';
import { familyMemory } from '../measure/process-usage.ts';
import type { Distribution } from '../measure/statistics.ts';
import type { Findings } from '../report/findings.ts';

export const ADMISSION_MAX_PER_SECOND = 300;

const TIMES = [1, 2, 10] as const;
const CONNECTIONS = 256;
const WARM_UP_SECONDS = 3;
const SECONDS = { quick: 8, full: 30 };
const MICROSECONDS = 1_000_000;

interface Phase extends Measured {
  times: number;
  /** Of the api, MB: the highest while orders came, and when all were completed. */
  memory: { highest: number; after: number };
}

export const overload = async (bench: Bench): Promise<Findings> => {
  const phases: Phase[] = [];
  // The first two once before: code is compiled, and a heap has found its size.
  for (const times of [2, 1]) await phase(bench, times, SECONDS.quick);
  for (const times of TIMES) phases.push(await phase(bench, times, bench.settings.quick ? SECONDS.quick : SECONDS.full));
  return findingsOf(phases as [Phase, Phase, Phase]);
};

const phase = async (bench: Bench, times: number, seconds: number): Promise<Phase> => {
  const { system, say } = bench;
  const memoryNow = () => familyMemory(system.processes().api!);
  let highest = 0;
  const onProgress = (): void => {
    highest = Math.max(highest, memoryNow());
  };
  const rate = times * ADMISSION_MAX_PER_SECOND;
  const job = { kind: 'open', rate, port: system.apiPort, connections: CONNECTIONS, warmUpSeconds: WARM_UP_SECONDS, seconds } as const;
  const measured = await measure(bench, job, { onProgress });
  const strange = Object.keys(measured.result.refused).filter((status) => status !== '503');
  if (strange.length > 0) throw new Error(`answers that are neither 201 nor 503: ${strange.join(', ')}`);
  await system.untilCompleted();
  const done = { ...measured, times, memory: { highest, after: memoryNow() } };
  const { latency, refusedLatency: refused } = measured.result;
  say(
    `o: ${times} ×: ${goodput(done).toFixed(1)}/s accepted in ${milliseconds(latency).join('/')} ms, ${(refused.count / seconds).toFixed(0)}/s refused in ${milliseconds(refused).join('/')} ms, api ${done.memory.highest.toFixed(0)} MB, ${done.memory.after.toFixed(0)} MB after`,
  );
  return done;
};

/** p50 and p99; of no values they are not even numbers. */
const milliseconds = ({ count, p50, p99 }: Distribution): string[] => [p50, p99].map((value) => (count === 0 ? '–' : value.toFixed(1)));

const goodput = ({ result }: Measured): number => result.measured / result.seconds;

/** What one refusal more costs the api: the goodput is the same in both. */
const cpuPerRefusal = (some: Measured, many: Measured): number => {
  const perSecond = ({ usage, result }: Measured) => ({
    cpu: usage.cpu.api! / usage.seconds,
    refusals: result.refusedLatency.count / result.seconds,
  });
  const [one, other] = [perSecond(some), perSecond(many)];
  return ((other.cpu - one.cpu) / (other.refusals - one.refusals)) * MICROSECONDS;
};

const findingsOf = ([once, twice, ten]: [Phase, Phase, Phase]): Findings => {
  const atRate = (times: number) => `at ${times} × \`ADMISSION_MAX_PER_SECOND=${ADMISSION_MAX_PER_SECOND}\``;
  const share = { unit: '×', places: 2, target: { bound: 'at least', limit: 0.9 } } as const;
  return {
    findings: [
      {
        id: 'overload-goodput-2',
        what: `orders accepted ${atRate(2)} ÷ at that rate itself`,
        value: goodput(twice) / goodput(once),
        ...share,
      },
      {
        id: 'overload-goodput-10',
        what: `orders accepted ${atRate(10)} ÷ at that rate itself`,
        value: goodput(ten) / goodput(once),
        ...share,
      },
      {
        id: 'refusal-p99',
        what: `answer time of a refusal ${atRate(10)}, p99`,
        value: ten.result.refusedLatency.p99,
        unit: 'ms',
        places: 1,
      },
      { id: 'refusal-cpu', what: 'CPU of the api per refusal', value: cpuPerRefusal(twice, ten), unit: 'µs' },
      {
        id: 'overload-memory',
        what: `memory of the api after 10 × ÷ after 2 ×`,
        value: ten.memory.after / twice.memory.after,
        unit: '×',
        places: 2,
        target: { bound: 'at most', limit: 1.2 },
      },
    ],
    details: [
      {
        title: 'Overload',
        remarks: [
          `Orders come at a constant rate over ${CONNECTIONS} connections, whether or not they are answered; times count from when an order was due. The first row is the same without overload.`,
        ],
        columns: [
          'comes, /s',
          'accepted, /s',
          'p50, ms',
          'p99, ms',
          'refused, /s',
          'p50, ms',
          'p99, ms',
          'api, cores',
          'api at most, MB',
          'after, MB',
        ],
        rows: [once, twice, ten].map(({ times, result, usage, memory, ...measured }) => [
          times * ADMISSION_MAX_PER_SECOND,
          goodput({ result, usage, ...measured }).toFixed(1),
          ...milliseconds(result.latency),
          (result.refusedLatency.count / result.seconds).toFixed(1),
          ...milliseconds(result.refusedLatency),
          (usage.cpu.api! / usage.seconds).toFixed(2),
          Math.round(memory.highest),
          Math.round(memory.after),
        ]),
      },
    ],
  };
};
