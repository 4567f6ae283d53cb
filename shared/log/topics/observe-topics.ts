// shared/log/topics/observe-topics.ts: asks the brokers what topics are like: partitions, replicas, settings, where they begin and end.

import type { Admin } from 'kafkajs';
import { COMPRESSION, type ObservedTopic, settingsOf, type WantedTopics } from './differences.ts';
import type { Ends } from './offsets.ts';

const TOPIC_RESOURCE = 2; // kafkajs.ConfigResourceTypes.TOPIC, which it does not export to ES modules

/** Those of the topics that exist. Rejects when a partition has no leader, or none that is ready to say where it begins and ends. */
export const observeTopics = async (admin: Admin, wanted: WantedTopics): Promise<ObservedTopic[]> => {
  const existing = new Set(await admin.listTopics());
  const names = wanted.topics.map(({ name }) => name).filter((name) => existing.has(name));
  if (names.length === 0) return [];
  const { topics } = await admin.fetchTopicMetadata({ topics: names });
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: names.map((name) => ({ type: TOPIC_RESOURCE, name, configNames: [...Object.keys(settingsOf(wanted)), COMPRESSION] })),
  });
  const observed: ObservedTopic[] = [];
  for (const name of names) {
    const partitions = topics.find((topic) => topic.name === name)?.partitions ?? [];
    if (partitions.some(({ leader }) => leader < 0)) throw new Error(`${name} has partitions without a leader`);
    const ends = await observeEnds(admin, name);
    // Each answer is as new as the metadata of its broker: partitions may have been added between the two.
    if (ends.size !== partitions.length) throw new Error(`${name} has ${partitions.length} partitions, of which ${ends.size} answer`);
    const entries = resources.find(({ resourceName }) => resourceName === name)?.configEntries ?? [];
    observed.push({
      name,
      replicas: Math.min(...partitions.map(({ replicas }) => replicas.length)),
      settings: new Map(entries.map(({ configName, configValue }) => [configName, configValue])),
      ends,
    });
  }
  return observed;
};

/** Of all partitions, the configured ones and others. Rejects when one has no leader that is ready. */
export const observeEnds = async (admin: Admin, topic: string): Promise<ReadonlyMap<number, Ends>> => {
  const ends = await admin.fetchTopicOffsets(topic);
  return new Map(ends.map(({ partition, low, high }) => [partition, { low: Number(low), high: Number(high) }]));
};
