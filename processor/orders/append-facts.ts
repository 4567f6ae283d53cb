// processor/orders/append-facts.ts: puts what the processor has decided into the log, and goes on once the log says what became of it.

import { encodeOrderEvent } from '../../shared/log/codec/order-codec.ts';
import { anotherEvent, READER } from '../../shared/log/identity/log-mismatch.ts';
import type { Appender } from '../../shared/log/log.ts';
import type { FactDraft, RefusalDraft } from '../../shared/order/decider.ts';
import type { OrderEvent } from '../../shared/order/events.ts';
import { AppError } from '../../shared/runtime/app-error.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import { createOutage } from '../../shared/runtime/outage.ts';
import { type Entry, inFlightAfter, type PendingRequest, report } from './entry.ts';
import type { Partition } from './partition.ts';

export interface FactAppendsOptions {
  topic: string;
  appender: Appender;
  clock: Clock;
  newId: () => string;
  logger: Logger;
  /** Reads a record at the partition's position. */
  readOne: (partition: Partition, event: OrderEvent, offset: number) => void;
  onFatal: (error: Error) => void;
}

export interface Decided {
  draft: FactDraft | RefusalDraft;
  causationId: string | null;
}

export interface FactAppends {
  /** About an order in memory. `goOn`: nothing of it is in flight any more, whatever became of this. */
  append: (partition: Partition, entry: Entry, decided: Decided, goOn: () => void) => void;
  /** The refusal of a request whose order memory does not hold. */
  appendRefusal: (partition: Partition, pending: PendingRequest, draft: RefusalDraft, goOn: () => void) => void;
}

/** Whose append it is, and what it hears of it. */
interface Owner {
  acknowledged: (offset: number, position: number) => void;
  failed: () => void;
  goOn: () => void;
}

// An append that failed is tried again from the fold; the appender has its own back-off, this only keeps a full queue from spinning.
const REACT_AGAIN_MS = 250;

export const createFactAppends = (options: FactAppendsOptions): FactAppends => {
  const { topic, appender, clock, logger, readOne, onFatal } = options;
  const appends = createOutage(logger, 'appending facts of orders');

  const stamp = (orderId: string, version: number, { draft, causationId }: Decided): OrderEvent =>
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

  /** R1: the outcome is that the record is read back, is applied at once, or is unknown. */
  const send = (partition: Partition, event: OrderEvent, owner: Owner): void => {
    const { own } = partition;
    own.underWay.add(event.id);
    const acknowledged = ({ offset }: { offset: number }): void => {
      appends.over();
      if (!partition.live) return;
      requireUnread(topic, partition, event.id, offset);
      // The next unread record is our own: apply it now instead of waiting for the fetch that brings it.
      if (offset === partition.position) readOne(partition, event, offset);
      owner.acknowledged(offset, partition.position);
      if (offset < partition.position) owner.goOn();
    };
    const failed = (error: Error): void => {
      own.underWay.delete(event.id);
      if (error instanceof AppError && !error.retryable) {
        onFatal(error);
        return;
      }
      appends.failed(error, { order_id: event.orderId, event: event.name });
      clock.after(REACT_AGAIN_MS, () => {
        owner.failed();
        if (partition.live) owner.goOn();
      });
    };
    appender.append(encodeOrderEvent(event, topic)).then(acknowledged, failed).catch(onFatal);
  };

  return {
    append: (partition, entry, decided, goOn) => {
      report(entry, { what: 'append-begun' });
      send(partition, stamp(entry.order.orderId, entry.order.version + 1, decided), {
        acknowledged: (offset, position) => report(entry, { what: 'acknowledged', offset, position }),
        failed: () => report(entry, { what: 'append-failed' }),
        goOn,
      });
    },
    appendRefusal: (partition, pending, draft, goOn) => {
      const { orderId, id } = pending.request;
      pending.inFlight = 'appending';
      send(partition, stamp(orderId, 0, { draft, causationId: id }), {
        acknowledged: (offset, position) => {
          pending.inFlight = inFlightAfter({ offset, position });
        },
        failed: () => {
          pending.inFlight = null;
        },
        goOn,
      });
    },
  };
};

/**
 * R17: notes what has to stand there when it is read. Throws LOG_MISMATCH where something else stands there already: to go on would be to wait
 * for a record that is lost, or to append the same again and again.
 */
const requireUnread = (topic: string, { partition, position, own }: Partition, id: string, offset: number): void => {
  const expected = own.acknowledged.get(offset) ?? null;
  const isTaken = expected !== null && expected !== id;
  if (isTaken || (offset < position && own.underWay.has(id)))
    throw anotherEvent(READER, topic, { partition, nextOffset: offset + 1 }, { expected, found: id });
  if (offset >= position) own.acknowledged.set(offset, id);
};
