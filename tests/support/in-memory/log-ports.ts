// tests/support/in-memory/log-ports.ts: one topic of the log in memory behind the ports of shared/log, for driving the api without a
// network. Reading can be held back, and appends can be made to fail as shared/log documents.

import { partitionOf } from '../../../shared/log/append/partitioner.ts';
import { encodeOrderEvent } from '../../../shared/log/codec/order-codec.ts';
import type { Appender, LogRecord, Position, Reader, ReaderHandlers, RecordToAppend } from '../../../shared/log/log.ts';
import type { CheckMarks } from '../../../shared/log/read/check-marks.ts';
import type { OrderEvent } from '../../../shared/order/events.ts';
import { AppError } from '../../../shared/runtime/app-error.ts';
import { createInMemoryLog } from './log.ts';
import { createInMemoryReader, type InMemoryReader } from './reader.ts';

export const TOPIC = 'orders';

export interface LogPorts {
  appender: Appender;
  createReader: (handlers: ReaderHandlers) => Reader;
  logEnd: { ask: () => Promise<ReadonlyMap<number, { low: number; high: number }>> };
  /** Rejects with LOG_MISMATCH while `isAnother`. */
  checkMarks: CheckMarks;
  /** What the rows were made from is another log than this. */
  isAnother: boolean;
  /** Resolves when the end of the log is asked for. */
  asked: () => Promise<void>;
  records: readonly (readonly LogRecord[])[];
  partitionOf: (orderId: string) => number;
  /** Puts a record into the log, past the appender. */
  land: (record: RecordToAppend) => Position;
  landEvent: (event: OrderEvent) => Position;
  /** While held, readers are given nothing. */
  hold: (held: boolean) => void;
  /** How the next appends end, one entry each; what is not scripted is appended and acknowledged. */
  script: ((record: RecordToAppend) => Promise<Position>)[];
}

export const createLogPorts = (partitionCount: number, topic = TOPIC): LogPorts => {
  const log = createInMemoryLog({ topics: { [topic]: partitionCount } });
  const partitions = log.partitions(topic);
  const readers: InMemoryReader[] = [];
  const script: LogPorts['script'] = [];
  const askedFor: (() => void)[] = [];
  let held = false;

  const land = (record: RecordToAppend): Position => {
    const partition = partitions[partitionOf(record.key, partitionCount)]!;
    const offset = log.write(partition, [record], Date.now());
    log.publish(partition);
    return { topic: record.topic, partition: partition.partition, offset };
  };
  const createReader = (handlers: ReaderHandlers): Reader => {
    const reader = createInMemoryReader({
      log,
      topic,
      handlers,
      inTurn: (deliver) => void setImmediate(deliver),
      isHeld: () => held,
    });
    readers.push(reader);
    return { ...reader, start: () => reader.assign(partitions.map(({ partition }) => partition)) };
  };

  const ports: LogPorts = {
    appender: { append: async (record) => (script.shift() ?? (async (each) => land(each)))(record) },
    createReader,
    logEnd: {
      ask: async () => {
        for (const resolve of askedFor.splice(0)) resolve();
        return log.ends(topic);
      },
    },
    isAnother: false,
    checkMarks: async () => {
      if (ports.isAnother) throw new AppError('LOG_MISMATCH', 'told to be');
      return 'topic';
    },
    asked: () => new Promise((resolve) => void askedFor.push(resolve)),
    records: partitions.map(({ records }) => records),
    partitionOf: (orderId) => partitionOf(orderId, partitionCount),
    land,
    landEvent: (event) => land(encodeOrderEvent(event, topic)),
    hold: (now) => {
      held = now;
      if (!held) for (const reader of readers) reader.wake();
    },
    script,
  };
  return ports;
};
