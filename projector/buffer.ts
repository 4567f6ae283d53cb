// projector/buffer.ts: holds what was fetched and is not committed yet, per partition, within limits.
// A full buffer holds the reader back; the commit loop looks at the front and removes only what it has committed, so nothing is lost in
// between.

import type { LogRecord } from '../shared/log/log.ts';

export interface BufferLimits {
  maxRecords: number;
  maxBytes: number;
}

export interface Buffer {
  /** Reopens a partition at `offset`, dropping what it held. */
  open(partition: number, offset: number): void;
  close(partition: number): void;
  /** The next offset to commit; undefined for a partition that is not open. */
  position(partition: number): number | undefined;
  /** Another number each time that a partition is opened; undefined while it is closed. */
  epoch(partition: number): number | undefined;
  partitions(): number[];
  /** Takes records over. A promise says that the buffer is over a limit, and resolves once it is not. */
  add(partition: number, records: readonly LogRecord[]): void | Promise<void>;
  /** At most `max` records from the front, contiguous per partition, another partition first each time. They stay in the buffer. */
  front(max: number): LogRecord[];
  /** Removes what lies below `offset`. */
  removeUpTo(partition: number, offset: number): void;
  /** Records held, of one partition or of all. */
  size(partition?: number): number;
  /** The lowest Kafka timestamp at the front of a partition, null when empty: how far the read model is behind. */
  oldest(): number | null;
}

interface Held {
  epoch: number;
  records: LogRecord[];
  /** Index of the first record that is still held; what lies before it is cut off from time to time. */
  head: number;
  position: number;
}

// Names and values of the headers of our records; measuring each one would cost more than it is worth here.
const HEADERS_BYTES = 500;

const bytesOf = ({ key, value }: LogRecord): number => HEADERS_BYTES + (key?.length ?? 0) + (value?.length ?? 0);

export const createBuffer = (limits: BufferLimits): Buffer => {
  const held = new Map<number, Held>();
  let waiting: (() => void)[] = [];
  let count = 0;
  let bytes = 0;
  let turn = 0;
  let epochs = 0;

  const isFull = (): boolean => count >= limits.maxRecords || bytes >= limits.maxBytes;
  const letIn = (): void => {
    if (isFull()) return;
    const resumed = waiting;
    waiting = [];
    for (const resume of resumed) resume();
  };
  const remove = (each: Held, records: number): void => {
    for (let i = each.head; i < each.head + records; i += 1) bytes -= bytesOf(each.records[i]!);
    count -= records;
    each.head += records;
    // Cutting off from half on keeps the cost per record constant.
    if (each.head * 2 >= each.records.length) {
      each.records = each.records.slice(each.head);
      each.head = 0;
    }
  };
  const drop = (partition: number): void => {
    const each = held.get(partition);
    if (each === undefined) return;
    held.delete(partition);
    remove(each, each.records.length - each.head);
    letIn();
  };

  return {
    open: (partition, offset) => {
      drop(partition);
      epochs += 1;
      held.set(partition, { epoch: epochs, records: [], head: 0, position: offset });
    },
    close: drop,
    position: (partition) => held.get(partition)?.position,
    epoch: (partition) => held.get(partition)?.epoch,
    partitions: () => [...held.keys()],
    add: (partition, records) => {
      const each = held.get(partition);
      if (each === undefined) return;
      for (const record of records) {
        each.records.push(record);
        bytes += bytesOf(record);
      }
      count += records.length;
      if (isFull()) return new Promise((resume) => waiting.push(resume));
    },
    front: (max) => {
      const taken: LogRecord[] = [];
      const all = [...held.values()];
      turn += 1;
      for (let i = 0; i < all.length && taken.length < max; i += 1) {
        const { records, head } = all[(turn + i) % all.length]!;
        const end = Math.min(records.length, head + max - taken.length);
        for (let k = head; k < end; k += 1) taken.push(records[k]!);
      }
      return taken;
    },
    removeUpTo: (partition, offset) => {
      const each = held.get(partition);
      if (each === undefined) return;
      let end = each.head;
      while (end < each.records.length && each.records[end]!.offset < offset) end += 1;
      remove(each, end - each.head);
      each.position = offset;
      letIn();
    },
    size: (partition) => {
      if (partition === undefined) return count;
      const each = held.get(partition);
      return each === undefined ? 0 : each.records.length - each.head;
    },
    oldest: () => {
      let oldest: number | null = null;
      for (const { records, head } of held.values()) {
        const timestamp = records[head]?.timestamp;
        if (timestamp !== undefined && (oldest === null || timestamp < oldest)) oldest = timestamp;
      }
      return oldest;
    },
  };
};
