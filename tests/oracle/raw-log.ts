// tests/oracle/raw-log.ts: the second record: a topic from its beginning to its end, as the broker has it.

import { type RawRecord, recordsOf } from './protocol/batch.ts';
import { type BrokerConnection, connectBroker } from './protocol/broker.ts';

/** Everything up to the high watermarks as they are now, by partition and offset. */
export const readTopic = async (brokers: string, topic: string): Promise<RawRecord[]> => {
  const leaders = await asking(brokers.split(','), (broker) => broker.leaders(topic));
  const count = leaders.reduce((sum, { partitions }) => sum + partitions.length, 0);
  const parts = leaders.map(({ address, partitions }) => asking([address], (broker) => readPartitions(broker, topic, partitions, count)));
  return (await Promise.all(parts)).flat().sort((a, b) => a.partition - b.partition || a.offset - b.offset);
};

const readPartitions = async (
  broker: BrokerConnection,
  topic: string,
  numbers: readonly number[],
  partitions: number,
): Promise<RawRecord[]> => {
  const records: RawRecord[] = [];
  for (const [partition, end] of await broker.ends(topic, numbers)) {
    for (let next = 0; next < end; ) {
      const batches = await broker.batches(topic, partition, next);
      const found = batches
        .flatMap((batch) => recordsOf(batch, { partition, partitions }))
        .filter(({ offset }) => offset >= next && offset < end);
      const last = found.at(-1);
      if (last === undefined) throw new Error(`${topic}/${partition} has nothing at ${next}, and ends at ${end}.`);
      for (const record of found) records.push(record);
      next = (last.lastOffset ?? last.offset) + 1;
    }
  }
  return records;
};

/** The first that answers: one of several brokers may be down. */
const asking = async <T>(addresses: readonly string[], ask: (broker: BrokerConnection) => Promise<T>): Promise<T> => {
  for (const [index, address] of addresses.entries()) {
    try {
      const broker = await connectBroker(address);
      return await ask(broker).finally(broker.close);
    } catch (error) {
      if (index === addresses.length - 1) throw error;
    }
  }
  throw new Error('There is no broker to ask.');
};
