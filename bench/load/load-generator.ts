// bench/load/load-generator.ts: the two ways to load a server with orders. Closed: every connection sends its next order when
// the last one was answered. Open: orders are due at a constant rate, whether or not the server keeps up.

import { type Distribution, distribution } from '../measure/statistics.ts';
import { type HttpAnswer, openHttpConnections } from './http-connections.ts';
import { createOrderRequests } from './order-requests.ts';

export interface Progress {
  /** Orders that were due so far (open loop only), and that were answered with 201. */
  due: number;
  accepted: number;
}

export interface LoadHooks {
  /** The measured time begins, and ends. */
  onMeasuring: () => void;
  onMeasured: () => void;
  /** Of an order that was due in the measured time. `at` and `due`: milliseconds on this process's clock. */
  onAccepted?: (answer: { due: number; at: number; head: Buffer }) => void;
  /** Of every answer. */
  onAnswer?: (answer: HttpAnswer) => void;
  onProgress?: (progress: Progress) => void;
}

export interface LoadResult {
  /** 201s in all, and during the measured time. */
  accepted: number;
  measured: number;
  /** Answers that were no 201, by status. */
  refused: Record<number, number>;
  /** The length of the measured time. */
  seconds: number;
  /** Milliseconds to the answer, from when an order was due (open) or sent (closed). */
  latency: Distribution;
  /** The same of the answers that were no 201. */
  refusedLatency: Distribution;
}

export interface LoadOptions {
  port: number;
  connections: number;
  warmUpSeconds: number;
  seconds: number;
}

const PATH = '/orders';
const CREATED = 201;
const PROGRESS_MS = 500;
const TICK_MS = 1;
// A server that is this far behind will not catch up; sending it all that is due would only make the run longer.
const GIVE_UP_BEHIND_MS = 5_000;
const LAST_ANSWERS_LIMIT_MS = 15_000;

export const closedLoop = (options: LoadOptions, hooks: LoadHooks): Promise<LoadResult> =>
  run(options, hooks, (send) => ({
    begin: () => {
      for (let connection = 0; connection < options.connections; connection += 1) send(performance.now());
    },
    onFree: () => void send(performance.now()),
    due: () => 0,
    stop: () => {},
  }));

/** Latencies count from when an order was due, so a server that stalls cannot hide it (no coordinated omission). */
export const openLoop = ({ rate, ...options }: LoadOptions & { rate: number }, hooks: LoadHooks): Promise<LoadResult> =>
  run(options, hooks, (send) => {
    let startedAt = 0;
    let ticks: NodeJS.Timeout | undefined;
    let sent = 0;
    const dueAt = (index: number) => startedAt + (index * 1_000) / rate;
    const dueBy = (now: number) => Math.floor(((now - startedAt) * rate) / 1_000) + 1;
    const sendDue = (): void => {
      const now = performance.now();
      if (now - dueAt(sent) > GIVE_UP_BEHIND_MS) return;
      for (const due = dueBy(now); sent < due && send(dueAt(sent)); ) sent += 1;
    };
    return {
      begin: () => {
        startedAt = performance.now();
        ticks = setInterval(sendDue, TICK_MS);
      },
      onFree: sendDue,
      due: () => dueBy(performance.now()),
      stop: () => clearInterval(ticks),
    };
  });

/** Sends one order that was due at this time; false when no connection is free or the time is over. */
type Send = (due: number) => boolean;

/** Decides when to send. */
interface Pacer {
  begin: () => void;
  onFree: () => void;
  due: () => number;
  stop: () => void;
}

const run = async (options: LoadOptions, hooks: LoadHooks, pacerOf: (send: Send) => Pacer): Promise<LoadResult> => {
  const { port, connections: count, warmUpSeconds, seconds } = options;
  const requests = createOrderRequests(PATH);
  const latencies: number[] = [];
  const refusedLatencies: number[] = [];
  const refused: Record<number, number> = {};
  // When the order that a number stands for was due; as many numbers as orders can be in flight.
  const dueTimes = new Float64Array(count);
  const freeNumbers = Array.from({ length: count }, (_, number) => number);
  let accepted = 0;
  let acceptedBefore = 0;
  let measuringFrom = Number.POSITIVE_INFINITY;
  let over = false;
  const failure = Promise.withResolvers<never>();
  const quiet = Promise.withResolvers<void>();

  const send: Send = (due) => {
    const number = freeNumbers.at(-1);
    if (over || number === undefined || !connections.send(requests.next(), number)) return false;
    freeNumbers.pop();
    dueTimes[number] = due;
    return true;
  };
  const onAnswer = (number: number, answer: HttpAnswer): void => {
    const { status, head } = answer;
    const due = dueTimes[number]!;
    const at = performance.now();
    freeNumbers.push(number);
    hooks.onAnswer?.(answer);
    if (status !== CREATED) {
      refused[status] = (refused[status] ?? 0) + 1;
      if (due >= measuringFrom) refusedLatencies.push(at - due);
    } else {
      accepted += 1;
      if (due >= measuringFrom) {
        latencies.push(at - due);
        hooks.onAccepted?.({ due, at, head });
      }
    }
    pacer.onFree();
    if (over && freeNumbers.length === count) quiet.resolve();
  };

  const connections = await openHttpConnections({ port, count, onAnswer, onFailure: failure.reject });
  const pacer = pacerOf(send);
  const progress = setInterval(() => hooks.onProgress?.({ due: pacer.due(), accepted }), PROGRESS_MS);
  const passed = (ms: number) => Promise.race([new Promise((resolve) => setTimeout(resolve, ms).unref()), failure.promise]);
  try {
    pacer.begin();
    await passed(warmUpSeconds * 1_000);
    measuringFrom = performance.now();
    acceptedBefore = accepted;
    hooks.onMeasuring();
    await passed(seconds * 1_000);
    over = true;
    hooks.onMeasured();
    const measuredSeconds = (performance.now() - measuringFrom) / 1_000;
    const measured = accepted - acceptedBefore;
    // The last answers are waited for: `accepted` is exact, and slow answers are among the latencies.
    if (freeNumbers.length < count) await Promise.race([quiet.promise, passed(LAST_ANSWERS_LIMIT_MS)]);
    if (freeNumbers.length < count) throw new Error(`${count - freeNumbers.length} orders were not answered`);
    return {
      accepted,
      measured,
      refused,
      seconds: measuredSeconds,
      latency: distribution(latencies),
      refusedLatency: distribution(refusedLatencies),
    };
  } finally {
    clearInterval(progress);
    pacer.stop();
    connections.close();
  }
};
