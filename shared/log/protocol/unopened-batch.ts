// shared/log/protocol/unopened-batch.ts: the one record that stands for a batch which no reader opens (docs/decisions/0016).
// Every reader makes the same one of it: what it is follows from the bytes in the log alone.

import { createHash } from 'node:crypto';
import type { LogRecord, Position, UnopenedReason } from '../log.ts';

// Twice what brokers take by default. A larger one is kept by its position, its size and its hash.
const UNOPENED_BYTES_KEPT_MAX = 2_000_000;

/** `bytes`: the batch as the broker has it, its head included. `offset` is the first that the reader wants of it. */
export const unopenedBatch = (
  at: Position & { timestamp: number; lastOffset: number },
  bytes: Buffer,
  reason: UnopenedReason,
): LogRecord => {
  const { lastOffset, ...position } = at;
  return {
    ...position,
    key: null,
    value: bytes.length > UNOPENED_BYTES_KEPT_MAX ? null : bytes,
    headers: {
      batch_reason: Buffer.from(reason),
      batch_last_offset: Buffer.from(String(lastOffset)),
      batch_bytes: Buffer.from(String(bytes.length)),
      batch_sha256: Buffer.from(createHash('sha256').update(bytes).digest('hex')),
    },
    unopened: { reason, lastOffset },
  };
};
