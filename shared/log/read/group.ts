// shared/log/read/group.ts: membership of a consumer group, by a kafkajs consumer that never fetches.
// All of its partitions stay paused, so its loop only heartbeats, rejoins and commits, however long the handling of records takes.

import { setTimeout as delay } from 'node:timers/promises';
import { PartitionAssigners } from 'kafkajs';
import { AppError } from '../../runtime/app-error.ts';
import type { LogClient } from '../connect/client.ts';
import { createLogOutage } from '../connect/log-outage.ts';
import type { GroupOffset } from '../log.ts';

const SESSION_TIMEOUT_MS = 6_000; // the broker's default minimum: how long a dead member's partitions lie idle
const REBALANCE_TIMEOUT_MS = 10_000; // a member that is slower to rejoin is taken for dead
const HEARTBEAT_MS = 1_000; // also how soon a rebalance is noticed
const LOOP_MS = 500; // how often the loop looks whether a heartbeat is due, and how long it takes to stop
const SILENCE_MAX_MS = REBALANCE_TIMEOUT_MS + 2_000; // a rebalance may last as long; a longer silence is a dead connection
const RETRY_MS = 500;
const START_MAX_MS = 60_000; // as long as start-up waits for the broker anywhere else
const STOP_MAX_MS = 2_000; // a process has 4.5 s to end (runtime/shutdown.ts); without us, the group waits out the session

export interface GroupOptions {
  client: LogClient;
  groupId: string;
  topic: string;
  /** The member may read these from now on, and nothing else. `rejoined`: it kept its place in the group since the last call. */
  onAssignment: (partitions: number[], rejoined: boolean) => void;
  /** The assignment may no longer hold: deliver nothing until the next `onAssignment` or `onHeartbeat`. */
  onDoubt: () => void;
  /** The coordinator has just confirmed the membership. */
  onHeartbeat: () => void;
  onFatal: (error: Error) => void;
}

export interface Group {
  start(): Promise<void>;
  stop(): Promise<void>;
  commit(offsets: ReadonlyMap<number, GroupOffset>): Promise<void>;
}

export const createGroup = ({ client, groupId, topic, onAssignment, onDoubt, onHeartbeat, onFatal }: GroupOptions): Group => {
  const { consumer, cut } = client.consumer({
    groupId,
    partitionAssigners: [PartitionAssigners.roundRobin],
    sessionTimeout: SESSION_TIMEOUT_MS,
    rebalanceTimeout: REBALANCE_TIMEOUT_MS,
    heartbeatInterval: HEARTBEAT_MS,
    maxWaitTimeInMs: LOOP_MS,
    metadataMaxAge: 300_000,
    allowAutoTopicCreation: false,
    readUncommitted: false,
  });
  let stopping = false;
  let memberId: string | null = null;
  let lastHeartbeat = Number.NEGATIVE_INFINITY;
  const outage = createLogOutage(client.logger, `membership of the group ${groupId}`);
  let cutAt = Number.NEGATIVE_INFINITY;
  let watchdog: NodeJS.Timeout | undefined;
  let restartTimer: NodeJS.Timeout | undefined;

  // kafkajs calls listeners synchronously, before its first fetch of the new generation, and awaits none of them.
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    if (stopping) return;
    consumer.pause([{ topic }]);
    const rejoined = payload.memberId === memberId;
    memberId = payload.memberId;
    outage.over();
    lastHeartbeat = performance.now();
    onAssignment(payload.memberAssignment[topic] ?? [], rejoined);
  });
  consumer.on(consumer.events.HEARTBEAT, () => {
    lastHeartbeat = performance.now();
    onHeartbeat();
  });
  consumer.on(consumer.events.REBALANCING, onDoubt);
  consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
    if (stopping) return;
    onDoubt();
    if (!restart && isFinal(error)) return onFatal(error);
    outage.failed(error);
    if (!restart) restartTimer = setTimeout(() => void run().catch(onFatal), RETRY_MS);
  });

  const run = (): Promise<void> =>
    consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 1,
      eachBatch: async () => undefined,
    });

  // A connection whose other end is gone says nothing. kafkajs goes on asking there, ten seconds each time, for most of a minute.
  const watch = (): void => {
    const now = performance.now();
    if (now - lastHeartbeat <= SESSION_TIMEOUT_MS) return;
    onDoubt();
    if (memberId === null || now - Math.max(lastHeartbeat, cutAt) <= SILENCE_MAX_MS) return;
    cutAt = now;
    cut();
  };

  const subscribe = async (): Promise<void> => {
    for (const deadline = performance.now() + START_MAX_MS; ; await delay(RETRY_MS)) {
      try {
        return await consumer.subscribe({ topics: [topic], fromBeginning: true });
      } catch (error) {
        if (stopping) return;
        if (performance.now() > deadline) throw new AppError('LOG_UNAVAILABLE', `The topic ${topic} could not be reached.`, error);
        outage.failed(error);
      }
    }
  };

  return {
    start: async () => {
      await subscribe();
      if (stopping) return;
      watchdog = setInterval(watch, HEARTBEAT_MS).unref();
      await run();
    },
    stop: async () => {
      stopping = true;
      clearInterval(watchdog);
      clearTimeout(restartTimer);
      const left = consumer.disconnect().catch((error) => client.logger.debug({ err: error, groupId }, 'the group was not left cleanly'));
      await Promise.race([left, delay(STOP_MAX_MS, undefined, { ref: false })]);
    },
    commit: (offsets) =>
      consumer.commitOffsets(
        Array.from(offsets, ([partition, { offset, metadata = null }]) => ({ topic, partition, offset: String(offset), metadata })),
      ),
  };
};

/**
 * Whether a crash of kafkajs's consumer is the broker's refusal or a wrong configuration, which only a person can correct. kafkajs also
 * gives up for good when the coordinator cannot be found while the broker starts: a matter of time, like all that could not be reached.
 */
const isFinal = (error: Error & { retriable?: boolean; cause?: unknown }): boolean => {
  if (error.cause instanceof Error) return isFinal(error.cause);
  return FINAL.has(error.name) && error.retriable !== true;
};

const FINAL: ReadonlySet<string> = new Set(['KafkaJSProtocolError', 'KafkaJSSASLAuthenticationError', 'KafkaJSNonRetriableError']);
