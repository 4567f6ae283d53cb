// tests/unit/projector/fake-reader.ts: the log in memory with one reader, whose partitions and records a test of the projector hands out.

import type { LogRecord, Reader, ReaderHandlers } from '../../../shared/log/log.ts';
import { createInMemoryLog } from '../../support/in-memory/log.ts';
import { createInMemoryReader, type InMemoryReader } from '../../support/in-memory/reader.ts';

const TOPIC = 'orders';
const PARTITIONS = 2;

/** `reader` is the projector's, once it has opened one. */
export const createFakeLog = () => {
  const log = createInMemoryLog({ topics: { [TOPIC]: PARTITIONS } });
  const opened: InMemoryReader[] = [];
  const reader = (): InMemoryReader => opened.at(-1)!;
  return {
    openReader: (handlers: ReaderHandlers): Reader => {
      opened.push(createInMemoryReader({ log, topic: TOPIC, handlers }));
      return reader();
    },
    append: (records: readonly LogRecord[]): void => {
      for (const record of records) {
        const offset = log.write(log.partitions(TOPIC)[record.partition]!, [record], record.timestamp);
        if (record.offset !== offset) throw new Error(`offset ${record.offset} comes after ${offset - 1}`);
      }
      for (const partition of log.partitions(TOPIC)) log.publish(partition);
    },
    assign: (partitions: readonly number[]): Promise<void> => reader().assign(partitions),
    revoke: (partitions: number[]): void => reader().revoke(partitions),
    heldBack: (partition: number): boolean => reader().heldBack(partition),
    get seeks() {
      return reader().seeks;
    },
    get committed() {
      return reader().committed;
    },
  };
};
