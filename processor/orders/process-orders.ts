// processor/orders/process-orders.ts: the shell of the processor: feeds records to the partitions, and has the next steps taken.
// It holds no rules.

import type { DecodeOrderEvent } from '../../shared/log/codec/order-codec.ts';
import { anotherEvent, READER } from '../../shared/log/identity/log-mismatch.ts';
import { identityOf } from '../../shared/log/identity/record-identity.ts';
import { type LogRecord, offsetAfter } from '../../shared/log/log.ts';
import type { OwnedAssignment } from '../ledger/claims.ts';
import { logTimeOf } from './committed-offsets.ts';
import type { Entry, PendingRequest } from './entry.ts';
import { createPartition, forgetClosed, isActing, type Partition, unmatchedRequests } from './partition.ts';
import { createSteps, type StepsOptions } from './take-steps.ts';

export interface ProcessOrdersOptions extends StepsOptions {
  decode: DecodeOrderEvent;
}

export interface OrderProcessor {
  onAssigned: (assignments: OwnedAssignment[]) => void;
  onRevoked: (partitions: number[]) => void;
  onRecords: (partition: number, records: LogRecord[]) => void;
  partitions: () => Iterable<Partition>;
}

/** The processor's behaviour behind a reader's handlers. Guarantees R1 to R6 for every partition it is given. */
export const createOrderProcessor = (options: ProcessOrdersOptions): OrderProcessor => {
  const { logger } = options;
  const partitions = new Map<number, Partition>();
  const steps = createSteps(options);

  /** The orders that these records were about, and the requests among them whose order memory does not hold. */
  const readAll = (partition: Partition, records: readonly LogRecord[]): { touched: Set<Entry>; unmatched: PendingRequest[] } => {
    const touched = new Set<Entry>();
    const unmatched: PendingRequest[] = [];
    for (const record of records) {
      requireAcknowledged(options.topic, partition, record);
      if (record.offset < partition.position) continue; // applied at its acknowledgement
      const decoded = options.decode(record);
      partition.position = offsetAfter(record);
      partition.lastEventId = identityOf(record);
      if (!decoded.ok) continue; // the projector sets it aside in the dead-letter topic
      const entry = steps.readOne(partition, decoded.event, record.offset);
      if (entry) touched.add(entry);
      else if (decoded.event.kind === 'request') {
        const pending = partition.requests.get(decoded.event.id);
        if (pending) unmatched.push(pending);
      }
    }
    return { touched, unmatched };
  };

  const onRecords = (number: number, records: LogRecord[]): void => {
    const partition = partitions.get(number);
    if (!partition) return;
    const wasActing = isActing(partition);
    const { touched, unmatched } = readAll(partition, records);
    forgetClosed(partition);
    if (!wasActing) {
      beginActing(partition);
      return;
    }
    for (const entry of touched) steps.react(partition, entry);
    for (const pending of unmatched) steps.refuse(partition, pending);
  };

  /** The first moment at which the whole log has been read: everything that is open gets its next step. */
  const beginActing = (partition: Partition): void => {
    if (!isActing(partition)) return;
    logger.debug(
      { partition: partition.partition, open: partition.openCount, position: partition.position },
      'the whole log is read; acting',
    );
    for (const entry of [...partition.orders.values()]) steps.react(partition, entry);
    for (const pending of unmatchedRequests(partition)) steps.refuse(partition, pending);
  };

  const onAssigned = (assignments: OwnedAssignment[]): void => {
    for (const { partition: number, startOffset, highWatermark, metadata, carried, topicId } of assignments) {
      const partition = createPartition(number, startOffset, highWatermark, logTimeOf(startOffset, metadata), carried);
      partition.topicId = topicId;
      partitions.set(number, partition);
      beginActing(partition);
    }
    logger.info({ partitions: assignments.map(({ partition }) => partition) }, 'partitions assigned');
  };

  const onRevoked = (revoked: number[]): void => {
    for (const number of revoked) {
      const partition = partitions.get(number);
      if (!partition) continue;
      partition.live = false;
      partitions.delete(number);
      steps.release(partition);
    }
  };

  return { onAssigned, onRevoked, onRecords, partitions: () => partitions.values() };
};

/** R17: what was acknowledged has to stand there when it is read: the log may have lost just that, and grown since. */
const requireAcknowledged = (topic: string, { partition, own }: Partition, record: LogRecord): void => {
  const expected = own.acknowledged.get(record.offset);
  if (expected === undefined) return;
  own.acknowledged.delete(record.offset);
  const found = identityOf(record);
  if (found !== expected) throw anotherEvent(READER, topic, { partition, nextOffset: record.offset + 1 }, { expected, found });
};
