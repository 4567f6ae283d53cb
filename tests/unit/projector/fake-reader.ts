// tests/unit/projector/fake-reader.ts: a log in memory behind the reader port, one call at a time, as the real one promises.

import type { GroupOffset, LogRecord, Reader, ReaderHandlers } from '../../../shared/log/log.ts';

export interface FakeLog {
  openReader: (handlers: ReaderHandlers) => Reader;
  append: (records: readonly LogRecord[]) => void;
  assign: (partitions: number[]) => Promise<void>;
  revoke: (partitions: number[]) => void;
  seeks: { partition: number; offset: number }[];
  committed: Map<number, GroupOffset>;
  /** Whether the handler of the partition holds the reader back right now. */
  heldBack: (partition: number) => boolean;
}

export const createFakeLog = (): FakeLog => {
  const log = new Map<number, LogRecord[]>();
  const assigned = new Map<number, { position: number; busy: boolean }>();
  const seeks: FakeLog['seeks'] = [];
  const committed = new Map<number, GroupOffset>();
  let handlers: ReaderHandlers;

  const deliver = (partition: number): void => {
    const state = assigned.get(partition);
    const records = log.get(partition) ?? [];
    if (state === undefined || state.busy || state.position >= records.length) return;
    const some = records.slice(state.position);
    state.position = records.length;
    const handled = handlers.onRecords(partition, some, records.length);
    if (!handled) return;
    state.busy = true;
    void handled.then(() => {
      state.busy = false;
      deliver(partition);
    });
  };

  return {
    openReader: (given) => {
      handlers = given;
      return {
        start: async () => {},
        stop: async () => {},
        seek: (partition, offset) => {
          seeks.push({ partition, offset });
          const state = assigned.get(partition);
          if (state === undefined) return;
          state.position = offset;
          queueMicrotask(() => deliver(partition));
        },
        commit: async (offsets) => {
          for (const [partition, offset] of offsets) committed.set(partition, offset);
        },
        lag: () => new Map([...assigned].map(([partition, { position }]) => [partition, (log.get(partition)?.length ?? 0) - position])),
        isSettled: () => true,
        lastFetchAt: () => performance.now(),
      };
    },
    append: (records) => {
      for (const record of records) {
        const all = log.get(record.partition) ?? [];
        if (record.offset !== all.length) throw new Error(`offset ${record.offset} comes after ${all.length - 1}`);
        log.set(record.partition, [...all, record]);
      }
      for (const partition of new Set(records.map((record) => record.partition))) deliver(partition);
    },
    assign: async (partitions) => {
      const starts = await handlers.startOffsets!(partitions);
      for (const partition of partitions) {
        assigned.set(partition, { position: starts.get(partition)!, busy: false });
        const highWatermark = log.get(partition)?.length ?? 0;
        handlers.onAssigned([{ partition, startOffset: starts.get(partition)!, highWatermark, metadata: null }]);
      }
      for (const partition of partitions) deliver(partition);
    },
    revoke: (partitions) => {
      for (const partition of partitions) assigned.delete(partition);
      handlers.onRevoked(partitions);
    },
    seeks,
    committed,
    heldBack: (partition) => assigned.get(partition)?.busy ?? false,
  };
};
