// api/products/keyed-request.ts: derives a request's id from its Idempotency-Key.
// The ledger answers an id once, however often and through whichever instance the request comes. Pure.

import { createHash } from 'node:crypto';
import type { ProductEventData, ProductRequest } from '../../shared/product/events.ts';

/** What a client asks of a product. */
export interface ProductChange {
  productId: string;
  asked: Asking;
  idempotencyKey: string | null;
}

type Asking = {
  [N in ProductRequest['name']]: { name: N; data: Omit<ProductEventData[N], 'command_hash' | 'expected_version'> };
}[ProductRequest['name']];

export interface KeyedRequest {
  requestId: string;
  /** Says whether two requests under one key ask for the same. Kept in the request for ever, so its form never changes. */
  commandHash: string;
}

/** The id is a uuid (RFC 9562, version 8) made of caller, key and product. */
export const keyedRequest = (
  caller: string,
  key: string,
  { productId, asked }: Pick<ProductChange, 'productId' | 'asked'>,
): KeyedRequest => {
  const bytes = createHash('sha256').update(`${caller}\0product\0${productId}\0${key}`).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  const requestId = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
  const commandHash = createHash('sha256')
    .update(JSON.stringify([asked.name, asked.data]))
    .digest('base64url');
  return { requestId, commandHash };
};
