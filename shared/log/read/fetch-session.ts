// shared/log/read/fetch-session.ts: fetches from the leaders of a topic, as they are when it begins, until the first failure.
// Never repairs anything: the next session finds out again who leads what, so there is no half-broken state to reason about. Never passes
// over what came damaged: it is fetched again, because what is in the log may be whole.

import { AppError } from '../../runtime/app-error.ts';
import { type Connection, FETCH_CONNECTION, protocolError } from '../connect/kafkajs-internals.ts';
import type { Link } from '../connect/link.ts';
import { type Fetched, type FetchLimits, fetchCall, isOutOfRange } from '../protocol/fetch.ts';
import type { RecordDecoder } from '../protocol/record-decoder.ts';
import { topicViewCall } from '../protocol/topic-view.ts';

const LEADERLESS_RETRY_MS = 500;
const GRACE_MS = 1_000; // what the healthy leaders get of every session while one that is down has not been replaced
const DAMAGED_GRACE_MS = 2_000; // the same for the other partitions, before one whose batch came damaged is asked for again
const OK = 0;

export interface FetchSessionOptions {
  /** The session's own: cut when it ends. */
  link: Link;
  topic: string;
  decodeRecords: RecordDecoder;
  limits: () => FetchLimits;
  minGapMs: number;
  /** What to fetch next of the partitions that `isMine` names. */
  demand: (isMine: (partition: number) => boolean) => Map<number, number>;
  /** The topic's id, as a leader says before the first fetch from it. */
  onTopicId: (id: string) => void;
  deliver: (fetched: Fetched) => void;
  /** After every fetch that succeeded, empty ones included; not while a partition cannot be read. */
  onFetched: () => void;
  /** Resolves early when no session is wanted any more. */
  pause: (ms: number) => Promise<void>;
}

export interface FetchSession {
  /** Rejects with the first failure of any kind. Resolves after `cut`. */
  run(): Promise<void>;
  cut(): void;
  /** Demand has grown: do not sleep on. */
  wake(): void;
}

type Demand = () => Map<number, number>;

export const createFetchSession = (options: FetchSessionOptions): FetchSession => {
  const { link, topic, decodeRecords, limits, minGapMs, demand, onTopicId, deliver, onFetched, pause } = options;
  const sleepers: (() => void)[] = [];
  const damaged = new Set<number>(); // not asked for again over these connections
  const failure = Promise.withResolvers<never>();
  let open = true;

  const wake = (): void => {
    for (const rise of sleepers.splice(0)) rise();
  };
  const cut = (): void => {
    open = false;
    link.destroy();
    wake();
  };

  const leaveOut = (partition: number, damage: AppError): void => {
    if (damaged.size === 0) void pause(DAMAGED_GRACE_MS).then(() => failure.reject(damage));
    damaged.add(partition);
  };

  const fetchFrom = async (connection: Connection, mine: Demand): Promise<void> => {
    const view = await connection.send(topicViewCall(topic));
    if (!open) return;
    onTopicId(view.id);
    const epochs = new Map(view.leaders.map(({ partition, epoch }) => [partition, epoch]));
    while (open) {
      const from = mine();
      if (from.size === 0) {
        await new Promise<void>((rise) => sleepers.push(rise));
        continue;
      }
      const started = performance.now();
      const { fetched } = await connection.send({
        ...fetchCall({ topic, from, epochs, limits: limits(), decodeRecords }),
        logResponseError: false,
      });
      if (!open) return;
      let brought = false;
      for (const part of fetched) {
        if (part.errorCode !== OK && !isOutOfRange(part)) throw protocolError(part.errorCode);
        brought ||= part.records.length > 0;
        deliver(part);
        if (part.damage !== null) leaveOut(part.partition, part.damage);
      }
      if (damaged.size === 0) onFetched();
      const gap = minGapMs - (performance.now() - started);
      if (brought && gap > 0) await pause(gap);
    }
  };

  const waitForLeaders = async (mine: Demand): Promise<void> => {
    while (open) {
      await pause(LEADERLESS_RETRY_MS);
      if (mine().size > 0) throw new Error(`Some partitions of ${topic} have no leader.`);
    }
  };

  const readFrom = async (leader: number, mine: Demand): Promise<void> => {
    if (leader < 0) return waitForLeaders(mine);
    const broker = await link.cluster.findBroker({ nodeId: String(leader) });
    return fetchFrom(await broker.connectionPool.getConnection(FETCH_CONNECTION), mine);
  };

  const run = async (): Promise<void> => {
    try {
      await link.cluster.connect();
      await link.cluster.addMultipleTargetTopics([topic]);
      const leaders = new Map(link.cluster.findTopicPartitionMetadata(topic).map(({ partitionId, leader }) => [partitionId, leader]));
      const nodes = [...new Set(leaders.values())];
      const endLater = async (error: unknown): Promise<never> => {
        if (nodes.length > 1 && open && !isFinal(error)) await pause(GRACE_MS);
        throw error;
      };
      const mineOf =
        (leader: number): Demand =>
        () =>
          demand((partition) => leaders.get(partition) === leader && !damaged.has(partition));
      await Promise.race([Promise.all(nodes.map((leader) => readFrom(leader, mineOf(leader)).catch(endLater))), failure.promise]);
    } finally {
      cut();
    }
  };

  return { run, cut, wake };
};

/** Whether no other session would do better. */
export const isFinal = (error: unknown): boolean => error instanceof AppError && !error.retryable;
