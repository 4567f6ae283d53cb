// shared/log/dead-letters/set-aside.ts: puts a record that cannot be decoded into the dead-letter topic and then passes over it.
// The projector does so for orders and the processor for products. Neither may store a position behind the record before it is there.

import { AppError } from '../../runtime/app-error.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { DeadLetterReason, Undecodable } from '../codec/envelope.ts';
import type { LogRecord } from '../log.ts';

export interface SetAsideOptions {
  deadLetter: (record: LogRecord, reason: DeadLetterReason) => Promise<unknown>;
  onDeadLetter: (reason: DeadLetterReason) => void;
  logger: Logger;
}

/** Resolves once the record may be passed over. Rejects as the dead-letter append does; then it may be set aside twice. */
export type SetAside = (record: LogRecord, why: Undecodable) => Promise<void>;

export const createSetAside =
  ({ deadLetter, onDeadLetter, logger }: SetAsideOptions): SetAside =>
  async (record, { reason, detail }) => {
    const where = { topic: record.topic, partition: record.partition, offset: record.offset, reason, detail };
    try {
      await deadLetter(record, reason);
      logger.warn(where, 'a record cannot be decoded; it is in the dead-letter topic');
    } catch (error) {
      // It cannot be copied, but it stays in its own topic; stopping for it would stop everything.
      if (!(error instanceof AppError) || error.code !== 'RECORD_TOO_LARGE') throw error;
      logger.error(where, 'a record cannot be decoded and is too large for the dead-letter topic');
    }
    onDeadLetter(reason);
  };
