// projector/decode-batch.ts: decodes records to events, and puts those that cannot be decoded into the dead-letter topic.
// It never lets the read model pass over a record before that is safe elsewhere.

import type { Undecodable } from '../shared/log/codec/envelope.ts';
import type { DecodeOrderEvent } from '../shared/log/codec/order-codec.ts';
import { createSetAside, type SetAsideOptions } from '../shared/log/dead-letters/set-aside.ts';
import type { LogRecord } from '../shared/log/log.ts';
import type { DecodedRecord } from './project.ts';

export interface DecodedBatch {
  records: DecodedRecord[];
  /** UNKNOWN_EVENT_TYPE, where only newer code can read on: to be thrown after the records before it are projected. */
  failure: Error | null;
}

/**
 * Resolves once every record that cannot be decoded is in the dead-letter topic: exactly once while the process lives, even
 * if a batch is decoded again after a failure. Rejects as the dead-letter append does.
 */
export const createBatchDecoder = (options: SetAsideOptions & { decode: DecodeOrderEvent }) => {
  const setAside = createSetAside(options);
  const safe = new WeakSet<LogRecord>();

  const bury = async (record: LogRecord, why: Undecodable): Promise<void> => {
    await setAside(record, why);
    safe.add(record);
  };

  return async (records: readonly LogRecord[]): Promise<DecodedBatch> => {
    const batch = decodeAll(records, options.decode);
    const burials: Promise<void>[] = [];
    for (const { record, decoded } of batch.records) {
      if (!decoded.ok && !safe.has(record)) burials.push(bury(record, decoded));
    }
    if (burials.length > 0) await Promise.all(burials);
    return batch;
  };
};

/** At a record that only newer code understands its partition ends; the others go on. */
export const decodeAll = (records: readonly LogRecord[], decode: DecodeOrderEvent): DecodedBatch => {
  const batch: DecodedBatch = { records: [], failure: null };
  const ended = new Set<number>();
  for (const record of records) {
    if (ended.has(record.partition)) continue;
    try {
      batch.records.push({ record, decoded: decode(record) });
    } catch (error) {
      ended.add(record.partition);
      batch.failure ??= error as Error;
    }
  }
  return batch;
};
