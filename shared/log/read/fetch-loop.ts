// shared/log/read/fetch-loop.ts: keeps fetching what is in demand from whichever brokers lead it, over connections of its own. It
// knows no groups and no positions: before every fetch it asks what is wanted, and its owner judges what came.

import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../runtime/app-error.ts';
import type { LogClient } from '../connect/client.ts';
import { type Connection, FETCH_CONNECTION, protocolError } from '../connect/kafkajs-internals.ts';
import { createLogOutage } from '../connect/log-outage.ts';
import { type Fetched, type FetchLimits, fetchCall } from '../protocol/fetch.ts';
import { createRecordDecoder } from '../protocol/record-decoder.ts';

const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 1_000; // so that reading resumes within about a second of a broker's return
const LEADERLESS_RETRY_MS = 500;
const GRACE_MS = 1_000; // what the healthy leaders get of every session while one that is down has not been replaced
const OK = 0;
const OFFSET_OUT_OF_RANGE = 1;

export interface FetchLoopOptions {
  client: LogClient;
  topic: string;
  /** Asked before every fetch. What comes into demand while one waits is fetched after it, at most `maxWaitMs` later. */
  limits: () => FetchLimits;
  /**
   * At least this long between the starts of two fetches that bring records; 0 is none. What was fetched is delivered at once, and
   * a record that comes after an idle spell too, since the broker answers a waiting fetch. Trades latency when busy for fewer requests.
   */
  minGapMs: number;
  /** What to fetch next, partition → offset. Partitions that are left out cost nothing. */
  demand: () => ReadonlyMap<number, number>;
  /** One partition's result: error code 0 or OFFSET_OUT_OF_RANGE. May be outdated: compare `fromOffset` with what is wanted now. */
  deliver: (fetched: Fetched) => void;
  /** After every fetch that succeeded, empty ones included. */
  onFetched?: () => void;
  /** Something came that can never be read. The loop ends. */
  onFatal: (error: Error) => void;
}

export interface FetchLoop {
  start(): void;
  stop(): void;
  /** Demand has grown: do not sleep on. */
  wake(): void;
}

export const isOutOfRange = ({ errorCode }: Fetched): boolean => errorCode === OFFSET_OUT_OF_RANGE;

export const createFetchLoop = ({ client, topic, limits, minGapMs, demand, deliver, onFetched, onFatal }: FetchLoopOptions): FetchLoop => {
  const stopping = new AbortController();
  const decodeRecords = createRecordDecoder(topic);
  let failures = 0;
  let turn = 0;
  const outage = createLogOutage(client.logger, `reading the topic ${topic}`);
  const sleepers: (() => void)[] = [];
  let cutSession = (): void => undefined;

  const wake = (): void => {
    for (const rise of sleepers.splice(0)) rise();
  };
  const pause = (ms: number) => delay(ms, undefined, { signal: stopping.signal }).catch(() => undefined);

  // A session is one set of connections with the leaders as they were when it began. The first failure of any kind ends it, and
  // the next one finds out anew who leads what: there is no half-broken state to reason about.
  const session = async (): Promise<void> => {
    const link = client.openLink();
    const state = { open: true };
    cutSession = () => {
      state.open = false;
      link.destroy();
      wake();
    };
    try {
      await link.cluster.connect();
      await link.cluster.addMultipleTargetTopics([topic]);
      const leaders = new Map(link.cluster.findTopicPartitionMetadata(topic).map(({ partitionId, leader }) => [partitionId, leader]));
      const nodes = [...new Set(leaders.values())];
      const readFrom = async (leader: number): Promise<void> => {
        const isMine = ([partition]: [number, number]) => leaders.get(partition) === leader;
        const mine = () => rotate([...demand()].filter(isMine), turn++);
        if (leader < 0) return waitForLeaders(state, mine);
        const broker = await link.cluster.findBroker({ nodeId: String(leader) });
        const connection = await broker.connectionPool.getConnection(FETCH_CONNECTION);
        return fetchFrom(connection, state, mine);
      };
      const endLater = async (error: unknown): Promise<never> => {
        if (nodes.length > 1 && state.open && !isFinal(error)) await pause(GRACE_MS);
        throw error;
      };
      const loops = nodes.map((leader) => readFrom(leader).catch(endLater));
      await Promise.all(loops);
    } finally {
      cutSession();
    }
  };

  const fetchFrom = async (connection: Connection, state: { open: boolean }, mine: () => Map<number, number>): Promise<void> => {
    while (state.open) {
      const from = mine();
      if (from.size === 0) {
        await new Promise<void>((rise) => sleepers.push(rise));
        continue;
      }
      const started = performance.now();
      const { fetched } = await connection.send({ ...fetchCall(topic, from, limits(), decodeRecords), logResponseError: false });
      if (!state.open) return;
      let brought = false;
      for (const part of fetched) {
        if (part.errorCode !== OK && part.errorCode !== OFFSET_OUT_OF_RANGE) throw protocolError(part.errorCode);
        brought ||= part.records.length > 0;
        deliver(part);
      }
      failures = 0;
      outage.over();
      onFetched?.();
      const gap = minGapMs - (performance.now() - started);
      if (brought && gap > 0) await pause(gap);
    }
  };

  const waitForLeaders = async (state: { open: boolean }, mine: () => Map<number, number>): Promise<void> => {
    while (state.open) {
      await pause(LEADERLESS_RETRY_MS);
      if (mine().size > 0) throw new Error(`Some partitions of ${topic} have no leader.`);
    }
  };

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        await session();
      } catch (error) {
        if (stopping.signal.aborted) return;
        if (isFinal(error)) return onFatal(error as Error);
        outage.failed(error);
        await pause(Math.min(RETRY_MIN_MS * 2 ** failures++, RETRY_MAX_MS));
      }
    }
  };

  return {
    start: () => void run(),
    stop: () => {
      stopping.abort();
      cutSession();
    },
    wake,
  };
};

const isFinal = (error: unknown): boolean => error instanceof AppError && !error.retryable;

// A broker fills a response in the order of the request until it is full: taking turns, no partition starves the others.
const rotate = (entries: [number, number][], turn: number): Map<number, number> => {
  const first = entries.length === 0 ? 0 : turn % entries.length;
  return new Map([...entries.slice(first), ...entries.slice(0, first)]);
};
