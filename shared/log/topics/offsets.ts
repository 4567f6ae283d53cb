// shared/log/topics/offsets.ts: where the partitions of a topic begin and end right now.

import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../runtime/app-error.ts';
import type { LogClient } from '../connect/client.ts';
import { type Cluster, COMMAND_CONNECTION, protocolError } from '../connect/kafkajs-internals.ts';
import type { Link } from '../connect/link.ts';
import { EARLIEST, LATEST, listOffsetsCall } from '../protocol/list-offsets.ts';
import { createLeaders, type Leaders } from './leaders.ts';

export interface Ends {
  /** The first offset that is still there. */
  low: number;
  /** The offset that the next record will get, as far as readers can see. */
  high: number;
}

export interface LogEnd {
  /**
   * The ends as they were at some moment after the call. Never more than one question is under way: all callers that ask meanwhile
   * share the answer to the next. Rejects with LOG_UNAVAILABLE when the brokers cannot say.
   */
  ask(): Promise<ReadonlyMap<number, Ends>>;
  stop(): void;
}

// A leader that moves, or a topic that was just created, needs some tenths of a second.
const ATTEMPTS_MAX = 5;
const RETRY_MS = 200;
// A leader answers in a millisecond. One that is silent for 3 s has stopped, and another will lead soon.
const ANSWER_MAX_MS = 3_000;

/** Asks once. Rejects with LOG_UNAVAILABLE when the brokers cannot say. */
export const logEnd = async (client: LogClient, topic: string): Promise<ReadonlyMap<number, Ends>> => {
  const end = createLogEnd(client, topic);
  try {
    return await end.ask();
  } finally {
    end.stop();
  }
};

/** Asks often, over connections that are kept: 0.4 ms of CPU a question where there are no replicas. */
export const createLogEnd = (client: LogClient, topic: string): LogEnd => {
  let link: (Link & { leaders: Leaders }) | null = null;
  let current: Promise<unknown> | null = null;
  let next: Promise<ReadonlyMap<number, Ends>> | null = null;

  const drop = (): void => {
    link?.destroy();
    link = null;
  };

  const attempt = async (): Promise<ReadonlyMap<number, Ends>> => {
    if (!link) {
      const opened = client.openLink();
      link = { ...opened, leaders: createLeaders(opened.cluster, topic) };
      await link.cluster.connect();
      await link.cluster.addMultipleTargetTopics([topic]);
    }
    const patience = setTimeout(drop, ANSWER_MAX_MS); // kafkajs knows no time-out below that of all requests
    return endsSeenBy(link).finally(() => clearTimeout(patience));
  };

  const endsSeenBy = async ({ cluster, leaders }: { cluster: Cluster; leaders: Leaders }): Promise<ReadonlyMap<number, Ends>> => {
    const led = Map.groupBy(await leaders.find(), ({ leader }) => leader);
    const ends = new Map<number, Ends>();
    const questions = Array.from(led, async ([leader, partitions]) => {
      const broker = await cluster.findBroker({ nodeId: String(leader) });
      const connection = await broker.connectionPool.getConnection(COMMAND_CONNECTION);
      const [low, high] = await Promise.all([EARLIEST, LATEST].map((which) => connection.send(listOffsetsCall(topic, partitions, which))));
      for (const { partition, errorCode, offset } of high!.answers) {
        const first = low!.answers.find((answer) => answer.partition === partition);
        const error = errorCode || first?.errorCode;
        if (error) throw protocolError(error);
        ends.set(partition, { low: first?.offset ?? 0, high: offset });
      }
    });
    await Promise.all(questions);
    return ends;
  };

  const answer = async (): Promise<ReadonlyMap<number, Ends>> => {
    for (let count = 1; ; count++) {
      try {
        return await attempt();
      } catch (error) {
        drop(); // whatever was wrong with the link: the next attempt gets new connections and new metadata
        if (count === ATTEMPTS_MAX) throw new AppError('LOG_UNAVAILABLE', `The ends of ${topic} could not be read.`, error);
      }
      await delay(RETRY_MS);
    }
  };

  const begin = (): Promise<ReadonlyMap<number, Ends>> => {
    next = null;
    const answered = answer();
    current = answered;
    const done = () => {
      if (current === answered && !next) current = null;
    };
    answered.then(done, done);
    return answered;
  };

  return {
    ask: () => {
      if (!current) return begin();
      next ??= current.then(begin, begin);
      return next;
    },
    stop: drop,
  };
};
