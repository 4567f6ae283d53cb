// api/reads/apply-records.ts: folds the reader's records into the tail, and reports changes and answered requests.
// It never fills memory from the read model; creation offsets are the only thing that it asks there (R5).

import type { DecodeOrderEvent } from '../../shared/log/codec/order-codec.ts';
import { type LogRecord, offsetAfter } from '../../shared/log/log.ts';
import { decodeKnown } from '../../shared/log/read/halts.ts';
import type { OrderEvent } from '../../shared/order/events.ts';
import { answeredBy } from '../../shared/order/order.ts';
import { AppError } from '../../shared/runtime/app-error.ts';
import type { CreationOffsets } from './read-model.ts';
import { type Change, fold, idsToLookUp, type OrderAnswer, passOver, type TailPartition } from './tail-memory.ts';
import type { TailState } from './tail-state.ts';

export interface ApplyRecordsOptions {
  state: TailState;
  decode: DecodeOrderEvent;
  /** Resolves when the read model has answered, however long that takes. */
  lookUpCreationOffsets: (partition: number, orderIds: readonly string[]) => Promise<CreationOffsets>;
  reset: () => Promise<void>;
  onChanges: (partition: number, changes: readonly Change[]) => void;
  onAnswer: (requestId: string, answer: OrderAnswer) => void;
  /** Called when records of a partition have been folded, before the changes are published. */
  onProgress: () => void;
  /** Called at the end: the projector's next checkpoint matters now. */
  hurry: () => void;
}

/** The handler of one batch of one partition; a promise holds the reader back until it resolves. */
export type ApplyRecords = (partition: number, records: readonly LogRecord[]) => void | Promise<void>;

export const createApplyRecords = (options: ApplyRecordsOptions): ApplyRecords => {
  const { state } = options;

  const read = (record: LogRecord): Read => {
    const decoded = options.decode(record);
    return { event: decoded.ok ? decoded.event : null, next: offsetAfter(record) };
  };
  const apply = (partition: TailPartition, batch: readonly Read[], creationOffsets: ReadonlyMap<string, number>): void => {
    const changes: Change[] = [];
    const number = partition.partition;
    for (const { event, next } of batch) {
      if (event === null) {
        passOver(partition, next);
        continue;
      }
      const offset = partition.position;
      const folded = fold(partition, event, creationOffsets);
      if (folded.change !== null && offset >= state.publishedOffsets[number]!) changes.push(folded.change);
      const requestId = answeredBy(event, folded.effect);
      if (requestId !== null) {
        const order = folded.change?.order ?? partition.orders.get(event.orderId)?.order ?? null;
        options.onAnswer(requestId, { event, order, place: { partition: number, offset } });
      }
    }
    state.publishedOffsets[number] = Math.max(state.publishedOffsets[number]!, partition.position);
    options.onProgress();
    if (changes.length > 0) options.onChanges(number, changes);
    state.read.moved(number);
    options.hurry();
  };

  const lookUpAndApply = async (partition: TailPartition, batch: readonly Read[], ids: string[]): Promise<void> => {
    const number = partition.partition;
    state.lookingUp.add(partition);
    const found = await options.lookUpCreationOffsets(number, ids).finally(() => state.lookingUp.delete(partition));
    // The database was restored: it may not know the orders that memory has forgotten.
    if (found.checkpoint < partition.checkpoint) await options.reset();
    if (state.partitions[number] !== partition) return; // reset meanwhile: these records come again
    apply(partition, batch, found.createdAt);
  };

  return (number, records) => {
    const partition = state.partitions[number]!;
    if (records[0]!.offset !== partition.position) {
      throw new AppError('LOG_GAP', `The tail stands at ${number}@${partition.position}, but was given ${records[0]!.offset}.`);
    }
    const { decoded: batch, unknown } = decodeKnown(records, read);
    const goOn = (): void | Promise<void> => {
      if (state.partitions[number] !== partition) return; // reset meanwhile: what follows comes again
      return unknown === null ? state.roomToRead() : state.halts.halt(number, unknown);
    };
    const ids = idsToLookUp(
      partition,
      batch.map(({ event }) => event),
    );
    if (ids.length > 0) return lookUpAndApply(partition, batch, ids).then(goOn);
    apply(partition, batch, new Map());
    return goOn();
  };
};

/** Null: it cannot be decoded, and the projector sets it aside in the dead-letter topic. */
interface Read {
  event: OrderEvent | null;
  /** The offset of the record that follows. */
  next: number;
}
