// shared/log/topics/watch-topics.ts: looks every minute whether the topics still are as they have to be, and says what is not.
// Never changes a topic, and takes no broker that is away for a difference: other checks say that.

import type { HealthCheck } from '../../runtime/health.ts';
import { inTime } from '../../runtime/within.ts';
import type { LogClient } from '../connect/client.ts';
import { createLogOutage } from '../connect/log-outage.ts';
import { type Difference, differencesOf, sentenceOf, type WantedTopics } from './differences.ts';
import { observeTopics } from './observe-topics.ts';

export interface WatchTopicsOptions extends WantedTopics {
  client: LogClient;
  /** What the start has found, so that the first look need not be at once. */
  found: readonly Difference[];
  /** What every look has found, beginning with the above: for the metrics. */
  onLook: (found: readonly Difference[]) => void;
  /** In tests. */
  intervalMs?: number;
}

export interface TopicsWatch {
  start(): void;
  stop(): void;
  /** Null while all is as it has to be, as far as the last look that was answered saw, or only differs harmlessly. */
  check: HealthCheck;
}

// Kafka looks every five minutes for what it may delete (log.retention.check.interval.ms): a minute gives time to set a retention back
// before that. A look costs a role a connection, some requests and 7 ms of CPU.
const LOOK_EVERY_MS = 60_000;
// With the interval less than two minutes, in which a difference is to be known. A broker that works answers within a second.
const LOOK_MAX_MS = 20_000;
// After a look that failed: a leader that moves needs a second, and a minute more would be too late.
const LOOK_AGAIN_MS = 10_000;

export const watchTopics = (options: WatchTopicsOptions): TopicsWatch => {
  const { client, found, onLook, intervalMs = LOOK_EVERY_MS, ...wanted } = options;
  const { logger } = client;
  const outage = createLogOutage(logger, 'watching the settings of the topics');
  let differences: readonly Difference[] = [];
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  const note = (now: readonly Difference[]): void => {
    for (const each of without(now, differences)) {
      logger[each.gravity === 'harmless' ? 'warn' : 'error']({ topic: each.topic, setting: each.setting }, sentenceOf(each));
    }
    for (const { topic, setting } of without(differences, now)) logger.info({ topic, setting }, `${topic}: ${setting} is as wanted again`);
    differences = now;
    onLook(now);
  };

  const look = async (): Promise<void> => {
    let next = intervalMs;
    try {
      const observed = client.withAdmin((admin) => observeTopics(admin, wanted));
      const seen = differencesOf(wanted, await inTime(LOOK_MAX_MS, observed, () => new Error('The brokers say nothing.')));
      if (stopped) return;
      // While partitions are moved to other brokers they have more replicas than before and after.
      note(seen.filter(({ setting, is }) => !(setting === 'replication_factor' && is! > wanted.replicationFactor)));
      outage.over();
    } catch (error) {
      next = Math.min(LOOK_AGAIN_MS, intervalMs);
      if (!stopped) outage.failed(error);
    }
    if (!stopped) lookIn(next);
  };

  const lookIn = (ms: number): void => {
    timer = setTimeout(() => void look(), ms).unref();
  };

  return {
    start: () => {
      note(found);
      lookIn(intervalMs);
    },
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
    check: () => {
      const grave = differences.filter(({ gravity }) => gravity !== 'harmless');
      return grave.length === 0 ? null : grave.map(sentenceOf).join(' ');
    },
  };
};

/** Those whose topic and setting are not among the others: a number that goes on growing is no news. */
const without = (all: readonly Difference[], others: readonly Difference[]): Difference[] =>
  all.filter(({ topic, setting }) => !others.some((other) => other.topic === topic && other.setting === setting));
