// api/orders/derived-ids.ts: ids of batches and of their orders that follow from what the client sent: a repeated request means the same.
// No table remembers what was sent: the id does.

import { createHash } from 'node:crypto';
import { KEYED_PREFIX } from '../http/ids.ts';

export interface BatchEntry {
  caller: string;
  batchId: string;
  /** Place in the batch, from 0. */
  index: number;
}

/**
 * The same for the same entry, on every instance and for ever. 256 bits, and three separators where a key's hash has one: no
 * entry shares its id with another or with an Idempotency-Key; and clients cannot choose ids with this prefix.
 */
export const orderIdOfEntry = ({ caller, batchId, index }: BatchEntry): string =>
  `${KEYED_PREFIX}${createHash('sha256').update(`${caller}\0batch\0${batchId}\0${index}`).digest('base64url')}`;

/** A batch that is named by its Idempotency-Key. */
export interface KeyedBatch {
  /** Eight hexadecimal digits, as a batch without a name has. */
  batchId: string;
  /** Kept in each order of the batch. The key is part of it, because two keys of thousands may give one id. */
  commandHash: string;
}

export const keyedBatch = (caller: string, key: string, totalEntries: number): KeyedBatch => {
  const hash = createHash('sha256').update(`${caller}\0populate\0${key}`);
  return {
    batchId: hash.copy().digest('hex').slice(0, 8),
    commandHash: hash.update(`\0${totalEntries}`).digest('base64url'),
  };
};
