// processor/consumer-group.ts: the consumer groups of the processors, one per topic, and what they have noted in Kafka.

import type { LogClient } from '../shared/log/connect/client.ts';
import { committedOffsets } from '../shared/log/read/start-offsets.ts';

export const processorGroup = (topic: string): string => `${topic}.processor`;

/** Kafka's copies of the ledger's start offsets, by topic and partition. */
export const startsInKafka = async (client: LogClient, topics: readonly string[]): Promise<Map<string, Map<number, number>>> => {
  const all = topics.map(async (topic) => {
    const committed = await committedOffsets(client, processorGroup(topic), topic);
    return [topic, new Map(Array.from(committed, ([partition, { offset }]) => [partition, offset]))] as const;
  });
  return new Map(await Promise.all(all));
};
