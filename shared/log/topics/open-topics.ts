// shared/log/topics/open-topics.ts: the topics of a role: made where they are missing, checked at its start, watched while it runs.

import type { Registry } from 'prom-client';
import { createTopicMetrics } from './topic-metrics.ts';
import { ensureTopics, type TopicsOptions } from './topics.ts';
import { type TopicsWatch, type WatchTopicsOptions, watchTopics } from './watch-topics.ts';

export interface OpenTopicsOptions extends TopicsOptions, Pick<WatchTopicsOptions, 'intervalMs'> {
  registry: Registry;
}

/** Resolves and rejects as ensureTopics does; the watch has been started, and is the caller's to stop. */
export const openTopics = async ({ registry, intervalMs, ...options }: OpenTopicsOptions): Promise<TopicsWatch> => {
  const found = await ensureTopics(options);
  const onLook = createTopicMetrics(
    registry,
    options.topics.map(({ name }) => name),
  );
  const watch = watchTopics({ ...options, intervalMs, found, onLook });
  watch.start();
  return watch;
};
