// processor/consumer-group.ts: the consumer groups of the processors, one per topic, and what they note in Kafka: copies of the ledger's starts.
// The metadata of an offset is `logtime=TIME;ledger=EPOCH.SEQUENCE`, the second part alone for products, the first alone in older copies.

import type { LogClient } from '../shared/log/connect/client.ts';
import type { GroupOffset } from '../shared/log/log.ts';
import { committedOffsets } from '../shared/log/read/start-offsets.ts';

/** Says how far the ledger had come: epoch and sequence of a partition's row, as its owner left it. They never go down. */
export interface FenceStamp {
  epoch: number;
  sequence: number;
}

/** A partition's start offset as it was copied to Kafka, and the row's stamp then; null before stamps were copied. */
export interface StartCopy {
  offset: number;
  stamp: FenceStamp | null;
}

export const processorGroup = (topic: string): string => `${topic}.processor`;

/** What the group is to keep of a start: its note, and how far the ledger had come when it was written (R17). */
export const copyOf = ({ offset, note }: { offset: number; note: string | null }, { epoch, sequence }: FenceStamp): GroupOffset => {
  const ledger = `ledger=${epoch}.${sequence}`;
  return { offset, metadata: note === null ? ledger : `${note};${ledger}` };
};

export const startCopy = ({ offset, metadata = '' }: GroupOffset): StartCopy => {
  const stamp = /(?:^|;)ledger=(\d+)\.(\d+)$/.exec(metadata);
  return { offset, stamp: stamp === null ? null : { epoch: Number(stamp[1]), sequence: Number(stamp[2]) } };
};

/** Kafka's copies of the ledger's start offsets, by topic and partition. */
export const startsInKafka = async (client: LogClient, topics: readonly string[]): Promise<Map<string, Map<number, StartCopy>>> => {
  const all = topics.map(async (topic) => {
    const committed = await committedOffsets(client, processorGroup(topic), topic);
    return [topic, new Map(Array.from(committed, ([partition, copied]) => [partition, startCopy(copied)]))] as const;
  });
  return new Map(await Promise.all(all));
};
