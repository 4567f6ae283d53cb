// processor/orders/take-steps.ts: takes the next step of an order: append, look up, wait for a slot, decide stock, fulfil.
// Which step that is, order-reactor.ts says.

import type { Appender } from '../../shared/log/log.ts';
import { answerRequest, type RefusalDraft } from '../../shared/order/decider.ts';
import type { DecidedName } from '../../shared/order/event-types.ts';
import type { OrderEvent } from '../../shared/order/events.ts';
import { isTerminal } from '../../shared/order/lifecycle.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import { createDeadlines } from '../fulfilment/deadlines.ts';
import { type Fulfil, reportWaitMs } from '../fulfilment/fulfilment.ts';
import type { Ledger, StockDecision } from '../ledger/ledger.ts';
import { createFactAppends } from './append-facts.ts';
import { type Entry, type PendingRequest, report } from './entry.ts';
import { createLateDuplicateCheck, type LookUpCreationOffsets } from './late-duplicates.ts';
import { nextStep } from './order-reactor.ts';
import { dropLateDuplicate, isActing, type Partition, readEvent, stockStepOf } from './partition.ts';
import { createFulfilmentRuns } from './run-fulfilment.ts';
import { createSlots } from './slots.ts';
import { createStockQueue } from './stock-queue.ts';

export interface StepsOptions {
  topic: string;
  appender: Appender;
  fulfil: Fulfil;
  lookUpCreationOffsets: LookUpCreationOffsets;
  ledger: Pick<Ledger, 'moveStock'>;
  clock: Clock;
  newId: () => string;
  /** PROCESSOR_CONCURRENCY: how many orders may be in processing at once. */
  concurrency: number;
  /** FULFILMENT_DEADLINE_MS: how long an order that the endpoint accepted waits for its report. */
  reportDeadlineMs: number;
  logger: Logger;
  onDecided: (name: DecidedName) => void;
  onFulfilled: (seconds: number) => void;
  onFatal: (error: Error) => void;
}

export interface Steps {
  /** Takes the next step, if one can be taken. To be called whenever anything about the order has changed. */
  react: (partition: Partition, entry: Entry) => void;
  /** Refuses a request for an order that memory does not hold. */
  refuse: (partition: Partition, pending: PendingRequest) => void;
  /** Folds the record at the partition's position. Returns the order it concerned, if memory has it. */
  readOne: (partition: Partition, event: OrderEvent, offset: number) => Entry | undefined;
  /** The partition was taken away: its orders need no slots. */
  release: (partition: Partition) => void;
}

export const createSteps = (options: StepsOptions): Steps => {
  const react = (partition: Partition, entry: Entry): void => {
    if (!isActing(partition)) return;
    if (isResting(entry)) slots.release(entry);
    if (entry.order.accepted === null) reports.clear(entry);
    const step = nextStep(entry);
    switch (step.do) {
      case 'append':
        options.onDecided(step.draft.name);
        appends.append(partition, entry, step, () => react(partition, entry));
        break;
      case 'take-slot':
        slots.request(partition, entry);
        break;
      case 'look-up':
        lateDuplicates.lookUp(partition, entry);
        break;
      case 'decide-stock':
        stock.decide(partition, entry);
        break;
      case 'fulfil':
        slots.take(entry);
        fulfil(partition, entry);
        break;
      case 'await-report':
        awaitReport(partition, entry);
        break;
      case 'nothing':
        break;
    }
  };

  const awaitReport = (partition: Partition, entry: Entry): void => {
    report(entry, { what: 'report-awaited' });
    reports.set(entry, reportWaitMs(entry.order, options.reportDeadlineMs, options.clock.now()), () => {
      options.logger.warn(
        { order_id: entry.order.orderId, since: entry.order.accepted?.at },
        'no report of fulfilment came in time; parking the order',
      );
      report(entry, { what: 'report-overdue' });
      react(partition, entry);
    });
  };

  const refuse = (partition: Partition, pending: PendingRequest): void => {
    if (!isActing(partition) || pending.inFlight !== null) return;
    if (partition.requests.get(pending.request.id) !== pending) return; // answered, perhaps by the refusal that was just read
    const draft = answerRequest(null, pending.request) as RefusalDraft; // without an order there is nothing else to say
    appends.appendRefusal(partition, pending, draft, () => refuse(partition, pending));
  };

  const stockDecided = (partition: Partition, entry: Entry, decision: StockDecision): void => {
    if (decision === 'closed' && !isTerminal(entry.order.status)) {
      slots.release(entry);
      for (const pending of dropLateDuplicate(partition, entry)) refuse(partition, pending);
      return;
    }
    if (entry.stock === 'waiting') slots.release(entry);
    react(partition, entry);
  };

  const readOne: Steps['readOne'] = (partition, event, offset) => {
    const { entry, effect } = readEvent(partition, event, offset);
    partition.position = offset + 1;
    partition.lastEventId = event.id;
    partition.own.underWay.delete(event.id);
    if (entry && effect === 'applied' && event.kind === 'fact') {
      const step = stockStepOf(partition, entry, event);
      if (step) stock.settle(partition, entry, { ...step, takingOver: offset < partition.actFrom });
    }
    return entry;
  };

  const reports = createDeadlines(options.clock);
  const slots = createSlots(options.concurrency, react);
  const stock = createStockQueue({ ...options, onDecided: stockDecided });
  const lateDuplicates = createLateDuplicateCheck({ ...options, react, refuse });
  const fulfil = createFulfilmentRuns({ ...options, react });
  const appends = createFactAppends({ ...options, readOne });
  const release = ({ orders }: Partition): void => {
    for (const entry of orders.values()) {
      slots.release(entry);
      reports.clear(entry);
    }
  };
  return { react, refuse, readOne, release };
};

/** Nothing is being done for it now: it takes no slot. */
const isResting = ({ order }: Entry): boolean => isTerminal(order.status) || order.parked !== null || order.accepted !== null;
