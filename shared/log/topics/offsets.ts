// shared/log/topics/offsets.ts: where the configured partitions of a topic begin and end right now.

import { AppError } from '../../runtime/app-error.ts';
import { countdown, inTime } from '../../runtime/within.ts';
import { isOurs, type LogClient } from '../connect/client.ts';
import { COMMAND_CONNECTION, protocolError } from '../connect/kafkajs-internals.ts';
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
   * share the answer to the next. Rejects with LOG_UNAVAILABLE when the brokers do not say within 5 s; the answer to the next may take as
   * long again.
   */
  ask(): Promise<ReadonlyMap<number, Ends>>;
  stop(): void;
}

// A leader that moves, or a topic that was just created, needs some tenths of a second. A caller's patience ends with this.
const ASK_MAX_MS = 5_000;
const RETRY_MS = 200;
// A leader answers in a millisecond. One that is silent for 3 s has stopped, and another will lead soon. With the connections it takes, if
// there are none: kafkajs tries to connect for twenty seconds before it gives up.
const ATTEMPT_MAX_MS = 3_000;

/** Asks for a caller who waits no longer than this. Rejects with LOG_UNAVAILABLE. */
export const endsWithin = (limitMs: number, logEnd: Pick<LogEnd, 'ask'>): Promise<ReadonlyMap<number, Ends>> =>
  inTime(limitMs, logEnd.ask(), () => new AppError('LOG_UNAVAILABLE', 'The log did not say in time where it ends.'));

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
  let asked: Asked | null = null;
  let current: Promise<unknown> | null = null;
  let next: Promise<ReadonlyMap<number, Ends>> | null = null;

  const drop = (): void => {
    asked?.link.destroy();
    asked = null;
  };

  const answer = async (): Promise<ReadonlyMap<number, Ends>> => {
    const left = countdown(ASK_MAX_MS);
    let cause: unknown = null;
    for (;;) {
      try {
        asked ??= connectedTo(client, topic);
        return await inTime(
          Math.min(ATTEMPT_MAX_MS, left()),
          endsSeenBy(asked, topic, (partition) => isOurs(client, topic, partition)),
          () => new Error(SILENCE),
        );
      } catch (error) {
        drop(); // whatever was wrong with the link: the next attempt gets new connections and new metadata
        // An attempt that is cut short at the end says nothing; what an earlier one said is the reason.
        if (cause === null || !isSilence(error)) cause = error;
        if (left() <= RETRY_MS) throw new AppError('LOG_UNAVAILABLE', `The ends of ${topic} could not be read.`, cause);
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
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

const SILENCE = 'The brokers say nothing.';
const isSilence = (error: unknown): boolean => error instanceof Error && error.message === SILENCE;

interface Asked {
  link: Link;
  /** Resolves when the link is connected and knows the topic. */
  leaders: Promise<Leaders>;
}

const connectedTo = (client: LogClient, topic: string): Asked => {
  const link = client.openLink();
  const connected = async (): Promise<Leaders> => {
    await link.cluster.connect();
    await link.cluster.addMultipleTargetTopics([topic]);
    return createLeaders(link.cluster, topic);
  };
  return { link, leaders: connected() };
};

const endsSeenBy = async (
  { link, leaders }: Asked,
  topic: string,
  isWanted: (partition: number) => boolean,
): Promise<ReadonlyMap<number, Ends>> => {
  const wanted = (await (await leaders).find()).filter(({ partition }) => isWanted(partition));
  const led = Map.groupBy(wanted, ({ leader }) => leader);
  const ends = new Map<number, Ends>();
  const questions = Array.from(led, async ([leader, partitions]) => {
    const broker = await link.cluster.findBroker({ nodeId: String(leader) });
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
