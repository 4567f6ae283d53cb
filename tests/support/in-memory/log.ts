// tests/support/in-memory/log.ts: a log in memory behind the ports of shared/log, for driving the api without a network.
// Reading can be held back, and appends can be made to fail as shared/log documents.

import type { Appender, LogRecord, Position, Reader, ReaderHandlers, RecordToAppend } from '../../../shared/log/log.ts';
import { encodeOrderEvent } from '../../../shared/log/order-codec.ts';
import { partitionOf } from '../../../shared/log/partitioner.ts';
import type { OrderEvent } from '../../../shared/order/events.ts';

export const TOPIC = 'orders';

export interface MemoryLog {
  appender: Appender;
  createReader: (handlers: ReaderHandlers) => Reader;
  logEnd: { ask: () => Promise<ReadonlyMap<number, { low: number; high: number }>> };
  /** Resolves when somebody asks for the end of the log. */
  asked: () => Promise<void>;
  records: LogRecord[][];
  partitionOf: (orderId: string) => number;
  /** Puts a record into the log, past the appender. */
  land: (record: RecordToAppend) => Position;
  landEvent: (event: OrderEvent) => Position;
  /** While held, readers are given nothing. */
  hold: (held: boolean) => void;
  /** How the next appends end, one entry each; what is not scripted is appended and acknowledged. */
  script: ((record: RecordToAppend) => Promise<Position>)[];
}

export const createMemoryLog = (partitionCount: number): MemoryLog => {
  const records: LogRecord[][] = Array.from({ length: partitionCount }, () => []);
  const readers = new Set<() => void>();
  const script: MemoryLog['script'] = [];
  const askedFor: (() => void)[] = [];
  let held = false;

  const wake = (): void => {
    for (const reader of readers) reader();
  };
  const land = (record: RecordToAppend): Position => {
    const partition = partitionOf(record.key, partitionCount);
    const offset = records[partition]!.length;
    const bytes = (value: string | Buffer | null) => (value === null ? null : Buffer.from(value as string));
    const headers = Object.fromEntries(Object.entries(record.headers).map(([name, value]) => [name, Buffer.from(value as string)]));
    const { topic } = record;
    records[partition]!.push({
      topic,
      partition,
      offset,
      timestamp: Date.now(),
      key: bytes(record.key),
      value: bytes(record.value),
      headers,
    });
    wake();
    return { topic, partition, offset };
  };

  const createReader = (handlers: ReaderHandlers): Reader => {
    const positions = new Map<number, number>();
    const busy = new Set<number>();
    let running = false;
    const deliver = (): void => {
      if (!running || held) return;
      for (const [partition, position] of positions) {
        const end = records[partition]!.length;
        if (busy.has(partition) || position >= end) continue;
        positions.set(partition, end);
        busy.add(partition);
        (async () => handlers.onRecords(partition, records[partition]!.slice(position, end), end))().then(() => {
          busy.delete(partition);
          setImmediate(deliver);
        }, handlers.onFatal);
      }
    };
    const schedule = () => void setImmediate(deliver);
    return {
      start: async () => {
        const all = records.map((_, partition) => partition);
        const starts = (await handlers.startOffsets?.(all)) ?? new Map<number, number>();
        for (const partition of all) positions.set(partition, starts.get(partition) ?? 0);
        running = true;
        handlers.onAssigned(
          all.map((partition) => ({
            partition,
            startOffset: positions.get(partition)!,
            highWatermark: records[partition]!.length,
            metadata: null,
          })),
        );
        readers.add(schedule);
        schedule();
      },
      stop: async () => {
        running = false;
        readers.delete(schedule);
      },
      seek: (partition, offset) => {
        positions.set(partition, offset);
        schedule();
      },
      commit: async () => {},
      lag: () => new Map([...positions].map(([partition, position]) => [partition, records[partition]!.length - position])),
      isSettled: () => true,
      lastFetchAt: () => performance.now(),
    };
  };

  return {
    appender: { append: async (record) => (script.shift() ?? (async (each) => land(each)))(record) },
    createReader,
    logEnd: {
      ask: async () => {
        for (const resolve of askedFor.splice(0)) resolve();
        return new Map(records.map((list, partition) => [partition, { low: 0, high: list.length }]));
      },
    },
    asked: () => new Promise((resolve) => void askedFor.push(resolve)),
    records,
    partitionOf: (orderId) => partitionOf(orderId, partitionCount),
    land,
    landEvent: (event) => land(encodeOrderEvent(event, TOPIC)),
    hold: (now) => {
      held = now;
      wake();
    },
    script,
  };
};
