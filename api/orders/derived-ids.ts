// api/orders/derived-ids.ts: order ids that follow from what the client sent, so that a repeated request means the same order.
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
