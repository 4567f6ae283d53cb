// processor/orders/process-orders.ts: the shell of the processor. It feeds records to the partitions' memory, asks the reactor for
// the next step of every order that changed, and does that step: append, look up, fulfil. It holds the waits and no rules.

import { decodeOrderEvent, encodeOrderEvent } from '../../shared/log/codec/order-codec.ts';
import type { Appender, LogRecord } from '../../shared/log/log.ts';
import { answerRequest, type FactDraft, type RefusalDraft } from '../../shared/order/decider.ts';
import type { OrderEvent } from '../../shared/order/events.ts';
import { isTerminal } from '../../shared/order/lifecycle.ts';
import { AppError } from '../../shared/runtime/app-error.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import { createOutage } from '../../shared/runtime/outage.ts';
import type { Fulfil, Fulfilled } from '../fulfilment/fulfilment.ts';
import type { OwnedAssignment } from '../ledger/claims.ts';
import type { Ledger, StockVerdict } from '../ledger/ledger.ts';
import { logTimeOf } from './committed-offsets.ts';
import { createAdmission, type LookUpFirstLives } from './late-duplicates.ts';
import { nextStep } from './order-reactor.ts';
import {
  createPartition,
  dropGhost,
  type Entry,
  forgetClosed,
  isActing,
  type Partition,
  type PendingRequest,
  readEvent,
  stockStepOf,
  strayRequests,
} from './partition.ts';
import { createSlots } from './slots.ts';
import { createStockQueue } from './stock-queue.ts';

export interface ProcessOrdersOptions {
  topic: string;
  appender: Appender;
  fulfil: Fulfil;
  lookUpFirstLives: LookUpFirstLives;
  ledger: Pick<Ledger, 'moveStock'>;
  clock: Clock;
  newId: () => string;
  /** PROCESSOR_CONCURRENCY: how many orders may be in processing at once. */
  concurrency: number;
  logger: Logger;
  onDecided: (decision: string) => void;
  onFulfilled: (seconds: number) => void;
  onFatal: (error: Error) => void;
}

export interface OrderProcessor {
  onAssigned: (assignments: OwnedAssignment[]) => void;
  onRevoked: (partitions: number[]) => void;
  onRecords: (partition: number, records: LogRecord[]) => void;
  partitions: () => Iterable<Partition>;
}

// An append that failed is tried again from the fold; the lane has its own back-off, this only keeps a full queue from spinning.
const REACT_AGAIN_MS = 250;

/** The processor's behaviour behind a reader's handlers. Guarantees R1 to R6 for every partition it is given. */
export const createOrderProcessor = (options: ProcessOrdersOptions): OrderProcessor => {
  const { topic, appender, clock, logger } = options;
  const partitions = new Map<number, Partition>();
  const appends = createOutage(logger, 'appending facts of orders');

  const react = (partition: Partition, entry: Entry): void => {
    if (!isActing(partition)) return;
    if (isTerminal(entry.order.status) || entry.order.parked !== null) slots.release(entry);
    const step = nextStep(entry);
    switch (step.do) {
      case 'append':
        appendFor(partition, entry, step.draft, step.causationId);
        break;
      case 'take-slot':
        slots.request(partition, entry);
        break;
      case 'look-up':
        admission.lookUp(partition, entry);
        break;
      case 'decide-stock':
        stock.decide(partition, entry);
        break;
      case 'fulfil':
        fulfil(partition, entry);
        break;
      case 'nothing':
        break;
    }
  };
  const slots = createSlots(options.concurrency, react);
  const refuse = (partition: Partition, pending: PendingRequest): void => {
    if (!isActing(partition) || pending.inFlight !== null) return;
    if (partition.requests.get(pending.request.id) !== pending) return; // answered, perhaps by the refusal that was just read
    pending.inFlight = 'appending';
    const event = stamp(pending.request.orderId, 0, answerRequest(null, pending.request), pending.request.id);
    append(partition, event, pending, () => refuse(partition, pending));
  };
  const stockDecided = (partition: Partition, entry: Entry, verdict: StockVerdict): void => {
    if (verdict === 'closed' && !isTerminal(entry.order.status)) {
      slots.release(entry);
      for (const pending of dropGhost(partition, entry)) refuse(partition, pending);
      return;
    }
    if (entry.stock === 'waiting') slots.release(entry);
    react(partition, entry);
  };
  const stock = createStockQueue({ ...options, onDecided: stockDecided });
  const admission = createAdmission({ lookUpFirstLives: options.lookUpFirstLives, clock, logger, react, refuse });

  const appendFor = (partition: Partition, entry: Entry, draft: FactDraft | RefusalDraft, causationId: string | null): void => {
    entry.inFlight = 'appending';
    options.onDecided(draft.name);
    append(partition, stamp(entry.order.orderId, entry.order.version + 1, draft, causationId), entry, () => react(partition, entry));
  };

  const stamp = (orderId: string, version: number, draft: FactDraft | RefusalDraft, causationId: string | null): OrderEvent =>
    ({
      ...draft,
      ...(draft.kind === 'fact' ? { version } : {}),
      id: options.newId(),
      orderId,
      time: clock.now(),
      actor: 'system:processor',
      causationId,
      correlationId: null,
    }) as OrderEvent;

  /** Appends, and goes on once the log says what became of it: read back, applied at once, or unknown (R1). */
  const append = (partition: Partition, event: OrderEvent, owner: { inFlight: Entry['inFlight'] }, goOn: () => void): void => {
    const acknowledged = ({ offset }: { offset: number }): void => {
      appends.over();
      if (!partition.live) return;
      if (offset > partition.position) {
        owner.inFlight = offset;
        return;
      }
      // The next unread record is our own: apply it now instead of waiting for the fetch that brings it.
      if (offset === partition.position) readOne(partition, event, offset);
      owner.inFlight = null;
      goOn();
    };
    const failed = (error: Error): void => {
      if (error instanceof AppError && !error.retryable) {
        options.onFatal(error);
        return;
      }
      appends.failed(error, { order_id: event.orderId, event: event.name });
      clock.after(REACT_AGAIN_MS, () => {
        owner.inFlight = null;
        if (partition.live) goOn();
      });
    };
    appender.append(encodeOrderEvent(event, topic)).then(acknowledged, failed).catch(options.onFatal);
  };

  const fulfil = (partition: Partition, entry: Entry): void => {
    slots.take(entry);
    entry.fulfilment = 'running';
    const startedAt = clock.now();
    const { orderId, version } = entry.order;
    // Any fact ends it: cancelled, completed by hand, parked by an owner before us that did not know better.
    const isWanted = (): boolean => partition.live && entry.order.version === version;
    const ended = (fulfilled: Fulfilled): void => {
      if (fulfilled.outcome === 'unwanted' || !isWanted()) return;
      if (fulfilled.outcome === 'done') {
        entry.fulfilment = 'done';
        options.onFulfilled(Math.max(0, clock.now() - startedAt) / 1000); // the clock may have been put back
      } else {
        entry.fulfilment = fulfilled;
        logger.warn({ order_id: orderId, ...fulfilled.failure, attempts: fulfilled.attempts }, 'fulfilment failed; parking the order');
      }
      react(partition, entry);
    };
    options.fulfil(entry.order, isWanted).then(ended).catch(options.onFatal);
  };

  const readOne = (partition: Partition, event: OrderEvent, offset: number): Entry | undefined => {
    const { entry, effect } = readEvent(partition, event, offset);
    partition.position = offset + 1;
    if (entry && effect === 'applied' && event.kind === 'fact') {
      const step = stockStepOf(partition, entry, event);
      if (step) stock.settle(partition, entry, step);
    }
    return entry;
  };

  const onRecords = (number: number, records: LogRecord[]): void => {
    const partition = partitions.get(number);
    if (!partition) return;
    const wasActing = isActing(partition);
    const touched = new Set<Entry>();
    const strays: PendingRequest[] = [];
    for (const record of records) {
      if (record.offset < partition.position) continue; // applied at its acknowledgement
      const decoded = decodeOrderEvent(record);
      partition.position = record.offset + 1;
      if (!decoded.ok) continue; // the projector sets it aside in the dead-letter topic
      const entry = readOne(partition, decoded.event, record.offset);
      if (entry) touched.add(entry);
      else if (decoded.event.kind === 'request') {
        const stray = partition.requests.get(decoded.event.id);
        if (stray) strays.push(stray);
      }
    }
    forgetClosed(partition);
    if (!wasActing) {
      beginActing(partition);
      return;
    }
    for (const entry of touched) react(partition, entry);
    for (const stray of strays) refuse(partition, stray);
  };

  /** The first moment at which the whole log has been read: everything that is open gets its next step. */
  const beginActing = (partition: Partition): void => {
    if (!isActing(partition)) return;
    logger.debug(
      { partition: partition.partition, open: partition.openCount, position: partition.position },
      'the whole log is read; acting',
    );
    for (const entry of [...partition.orders.values()]) react(partition, entry);
    for (const stray of strayRequests(partition)) refuse(partition, stray);
  };

  const onAssigned = (assignments: OwnedAssignment[]): void => {
    for (const { partition: number, startOffset, highWatermark, metadata, carried } of assignments) {
      const partition = createPartition(number, startOffset, highWatermark, logTimeOf(startOffset, metadata), carried);
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
      for (const entry of partition.orders.values()) slots.release(entry);
    }
  };

  return { onAssigned, onRevoked, onRecords, partitions: () => partitions.values() };
};
