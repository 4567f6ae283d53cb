// processor/products/process-products.ts: the shell of the processor for the topic `products`.
// Each batch goes into the ledger in one transaction, which also decides what was asked and moves the start offset; the decisions are then
// appended (R11).

import type { Undecodable } from '../../shared/log/codec/envelope.ts';
import type { DecodeProductEvent } from '../../shared/log/codec/product-codec.ts';
import type { SetAside } from '../../shared/log/dead-letters/set-aside.ts';
import { identityOf } from '../../shared/log/identity/record-identity.ts';
import { type LogRecord, offsetAfter } from '../../shared/log/log.ts';
import type { ProductEvent } from '../../shared/product/events.ts';
import { AppError } from '../../shared/runtime/app-error.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import { createOutage } from '../../shared/runtime/outage.ts';
import type { OwnedAssignment } from '../ledger/claims.ts';
import type { Ledger, Start } from '../ledger/ledger.ts';
import { createLedgerOutage, untilLedgerAnswers } from '../ledger/ledger-retries.ts';
import { createProductOutbox, type ProductOutbox, type ProductOutboxOptions } from './product-outbox.ts';

export interface ProcessProductsOptions extends Omit<ProductOutboxOptions, 'outage'> {
  logger: Logger;
  ledger: Ledger;
  decode: DecodeProductEvent;
  setAside: SetAside;
}

const SET_ASIDE_AGAIN_MS = 250; // the appender has its own back-off; this only keeps a full queue from spinning

export interface ProductProcessor {
  onAssigned: (assignments: OwnedAssignment[]) => void;
  onRevoked: (partitions: number[]) => void;
  /** Resolves when the ledger has them; the reader holds the partition back meanwhile. */
  onRecords: (partition: number, records: LogRecord[]) => Promise<void>;
  /** Where the ledger stands, by partition: the copies for Kafka. */
  positions: () => ReadonlyMap<number, Start>;
}

interface OwnedPartition {
  partition: number;
  position: number;
  topicId: string | null;
  outbox: ProductOutbox;
  /** Resolves when what the last owner left in the outbox has been taken over. */
  takenOver: Promise<void>;
  live: boolean;
}

/** The processor's behaviour behind a reader's handlers, for partitions that were claimed in the ledger. */
export const createProductProcessor = (options: ProcessProductsOptions): ProductProcessor => {
  const { topic, ledger, clock, logger, onFatal } = options;
  const owned = new Map<number, OwnedPartition>();
  const outage = createLedgerOutage(logger);
  const deadLetters = createOutage(logger, 'appending a dead letter');
  const outboxOptions = { ...options, outage: createOutage(logger, 'appending answers about products') };
  const patient = <T>(state: OwnedPartition, call: () => Promise<T>): Promise<T | null> =>
    untilLedgerAnswers({ call, isLive: () => state.live, clock, logger, outage });

  const takeOver = async (state: OwnedPartition): Promise<void> => {
    const answers = await patient(state, () => ledger.undeliveredAnswers(state.partition));
    if (state.live) state.outbox.add(answers ?? []);
  };

  const setAside = async (state: OwnedPartition, record: LogRecord, why: Undecodable): Promise<void> => {
    while (state.live) {
      try {
        await options.setAside(record, why);
        deadLetters.over();
        return;
      } catch (error) {
        if (!(error instanceof AppError && error.retryable)) throw error;
        deadLetters.failed(error);
        await new Promise<void>((resolve) => clock.after(SET_ASIDE_AGAIN_MS, resolve));
      }
    }
  };

  const onRecords = async (number: number, records: LogRecord[]): Promise<void> => {
    const state = owned.get(number);
    if (!state) return;
    await state.takenOver;
    const events: ProductEvent[] = [];
    const setAsides: Promise<void>[] = [];
    for (const record of records) {
      const decoded = options.decode(record);
      if (decoded.ok) events.push(decoded.event);
      else setAsides.push(setAside(state, record, decoded)); // without effect, for every reader
    }
    await Promise.all(setAsides);
    const last = records.at(-1)!;
    const offset = offsetAfter(last);
    const mark = { nextOffset: offset, topicId: state.topicId, lastEventId: identityOf(last) };
    const end = { offset, note: null, mark };
    let attempts = 0;
    const taken = await patient(state, () => {
      attempts += 1;
      return ledger.takeProductEvents({ topic, partition: number }, events, end);
    });
    if (taken === null || !state.live) return;
    state.position = end.offset;
    // Also those that were decided before and have another event now.
    state.outbox.delivered([...taken.delivered, ...taken.answers.map(({ requestId }) => requestId)]);
    state.outbox.add(taken.answers);
    if (attempts === 1) return;
    // An earlier attempt may have been committed without an answer: what it decided and found delivered only the ledger knows.
    state.outbox.close();
    state.outbox = createProductOutbox(outboxOptions);
    await takeOver(state);
  };

  return {
    onAssigned: (assignments) => {
      for (const { partition, startOffset, topicId } of assignments) {
        const state = {
          partition,
          position: startOffset,
          topicId,
          outbox: createProductOutbox(outboxOptions),
          takenOver: Promise.resolve(),
          live: true,
        };
        state.takenOver = takeOver(state);
        state.takenOver.catch(onFatal);
        owned.set(partition, state);
      }
    },
    onRevoked: (partitions) => {
      for (const partition of partitions) {
        const state = owned.get(partition);
        if (!state) continue;
        state.live = false;
        state.outbox.close();
        owned.delete(partition);
      }
    },
    onRecords,
    positions: () => new Map(Array.from(owned.values(), ({ partition, position }) => [partition, { offset: position, note: null }])),
  };
};
