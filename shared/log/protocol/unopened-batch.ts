// shared/log/protocol/unopened-batch.ts: the one record that stands for a batch which no reader opens (docs/decisions/0016).
// Every reader makes the same one of it: what it is follows from the bytes in the log alone.

import { createHash } from 'node:crypto';
import { type LogRecord, type Position, UNOPENED_REASONS, type UnopenedReason } from '../log.ts';

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
      batch_sha256: Buffer.from(sha256(bytes)),
    },
    unopened: { reason, lastOffset },
  };
};

/**
 * What `unopened` was of a record that comes from the archive, which keeps its bytes alone; null: it stands for itself. A foreign record
 * with exactly these headers and such a value cannot be told from one; no reader decodes it either.
 */
export const archivedBatch = ({ key, value, headers, exactHeaders, offset }: LogRecord): LogRecord['unopened'] | null => {
  if (key !== null || exactHeaders !== undefined || Object.keys(headers).join() !== HEADER_NAMES) return null;
  const text = (name: string): string => headers[name]!.toString('latin1');
  const reason = UNOPENED_REASONS.find((each) => each === text('batch_reason'));
  const lastOffset = Number(text('batch_last_offset'));
  const bytes = Number(text('batch_bytes'));
  if (reason === undefined || !Number.isSafeInteger(lastOffset) || lastOffset < offset) return null;
  const fits = value === null ? bytes > UNOPENED_BYTES_KEPT_MAX : value.length === bytes && sha256(value) === text('batch_sha256');
  return fits ? { reason, lastOffset } : null;
};

const HEADER_NAMES = 'batch_reason,batch_last_offset,batch_bytes,batch_sha256';

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
