// tests/support/in-memory/reader.ts: the reader port on the log in memory, for unit tests.
// Partitions are given and taken by hand, one call at a time for each, as the real reader promises. Simulations have a reader of their own,
// with a group and faults.

import type { GroupOffset, Reader, ReaderHandlers } from '../../../shared/log/log.ts';
import { type InMemoryLog, readRecords } from './log.ts';

export interface InMemoryReader extends Reader {
  assign: (partitions: readonly number[]) => Promise<void>;
  revoke: (partitions: number[]) => void;
  /** Whether the handler of the partition holds the reader back right now. */
  heldBack: (partition: number) => boolean;
  /** Looks again, after `isHeld` has changed. */
  wake: () => void;
  seeks: { partition: number; offset: number }[];
  committed: Map<number, GroupOffset>;
}

export interface InMemoryReaderOptions {
  log: InMemoryLog;
  topic: string;
  handlers: ReaderHandlers;
  /** When records are delivered that have become readable: at once, or in a turn of its own. */
  inTurn?: (deliver: () => void) => void;
  /** While true nothing is delivered. */
  isHeld?: () => boolean;
}

interface State {
  position: number;
  busy: boolean;
  /** The log will call when there is more. */
  waits: boolean;
}

const atOnce = (deliver: () => void): void => deliver();

export const createInMemoryReader = ({
  log,
  topic,
  handlers,
  inTurn = atOnce,
  isHeld = () => false,
}: InMemoryReaderOptions): InMemoryReader => {
  const partitions = log.partitions(topic);
  const assigned = new Map<number, State>();
  const seeks: InMemoryReader['seeks'] = [];
  const committed: InMemoryReader['committed'] = new Map();

  const wait = (number: number, state: State): void => {
    if (state.waits) return;
    state.waits = true;
    log.whenReadable(partitions[number]!, state.position, () => {
      state.waits = false;
      inTurn(() => deliver(number));
    });
  };
  const deliver = (number: number): void => {
    const state = assigned.get(number);
    if (state === undefined || state.busy || isHeld()) return;
    const { records, highWatermark } = partitions[number]!;
    if (state.position >= highWatermark) {
      wait(number, state);
      return;
    }
    const some = readRecords({ records }, state.position, highWatermark);
    state.position = highWatermark;
    try {
      const handled = handlers.onRecords(number, some, highWatermark);
      if (handled) hold(number, state, handled);
      else wait(number, state);
    } catch (error) {
      handlers.onFatal(error as Error);
    }
  };
  const hold = (number: number, state: State, handled: Promise<void>): void => {
    state.busy = true;
    handled.then(() => {
      state.busy = false;
      inTurn(() => deliver(number));
    }, handlers.onFatal);
  };
  const wake = (): void => {
    for (const number of assigned.keys()) inTurn(() => deliver(number));
  };
  const assign = async (numbers: readonly number[]): Promise<void> => {
    const starts = (await handlers.startOffsets?.([...numbers])) ?? new Map<number, number>();
    for (const number of numbers) assigned.set(number, { position: starts.get(number) ?? 0, busy: false, waits: false });
    handlers.onAssigned(
      numbers.map((partition) => ({
        partition,
        startOffset: starts.get(partition) ?? 0,
        highWatermark: partitions[partition]!.highWatermark,
        metadata: null,
      })),
    );
    for (const number of numbers) inTurn(() => deliver(number));
  };

  return {
    start: async () => {},
    stop: async () => assigned.clear(),
    assign,
    revoke: (numbers) => {
      for (const number of numbers) assigned.delete(number);
      handlers.onRevoked(numbers);
    },
    seek: (number, offset) => {
      seeks.push({ partition: number, offset });
      const state = assigned.get(number);
      if (state === undefined) return;
      state.position = offset;
      queueMicrotask(() => inTurn(() => deliver(number)));
    },
    commit: async (offsets) => {
      for (const [number, offset] of offsets) committed.set(number, offset);
    },
    lag: () => new Map(Array.from(assigned, ([number, { position }]) => [number, partitions[number]!.highWatermark - position])),
    isSettled: () => true,
    lastFetchAt: () => performance.now(),
    heldBack: (number) => assigned.get(number)?.busy ?? false,
    wake,
    seeks,
    committed,
  };
};
