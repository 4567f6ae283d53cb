// api/requests/keyed-request.ts: derives a request's id from its Idempotency-Key.
// The log answers an id once (R2), however often and through whichever instance the request comes. Pure.

import { createHash } from 'node:crypto';

export interface KeyedRequest {
  requestId: string;
  /** Says whether two requests under one key ask for the same. Kept in the request for ever, so its form never changes. */
  commandHash: string;
}

/** What a key stands for: each caller has keys of their own, and of each order and product. */
export interface KeyScope {
  caller: string;
  key: string;
  of: 'order' | 'product';
  id: string;
}

/** The id is a uuid (RFC 9562, version 8). `asked`: what the client asked for, as JSON. */
export const keyedRequest = ({ caller, key, of, id }: KeyScope, asked: readonly unknown[]): KeyedRequest => {
  const bytes = createHash('sha256').update(`${caller}\0${of}\0${id}\0${key}`).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  const requestId = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  return { requestId, commandHash: createHash('sha256').update(JSON.stringify(asked)).digest('base64url') };
};
