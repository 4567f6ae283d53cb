// api/feed/frames.ts: the frames of the live feed as JSON (design section 5), their cursors, and their bytes on the wire.
// A frame is made once for all clients. Pure.

import { iso } from '../../shared/order/order-view.ts';
import type { Change } from '../reads/tail-memory.ts';

/** Where a client stands: the next offset of every partition. Opaque to clients. */
export const feedCursor = (positions: readonly number[]): string => `f1.${positions.map((offset) => offset.toString(36)).join('.')}`;

/** Cursors along one partition, the others standing still: what surrounds its offset is put together once. */
export const cursorsAlong = (positions: readonly number[], partition: number): ((nextOffset: number) => string) => {
  const parts = positions.map((offset) => offset.toString(36));
  const before = `f1.${parts
    .slice(0, partition)
    .map((part) => `${part}.`)
    .join('')}`;
  const behind = parts
    .slice(partition + 1)
    .map((part) => `.${part}`)
    .join('');
  return (nextOffset) => `${before}${nextOffset.toString(36)}${behind}`;
};

export const orderFrame = ({ order, event, previousStatus }: Change, cursor: string): string =>
  JSON.stringify({
    type: 'order',
    order_id: order.orderId,
    user_id: order.userId,
    status: order.status,
    previous_status: previousStatus,
    version: order.version,
    at: iso(order.updatedAt),
    event: event.name,
    cursor,
  });

/** Frames that say nothing about an order. */
export const plainFrame = (type: 'subscribed' | 'heartbeat' | 'shutdown', cursor: string): string => JSON.stringify({ type, cursor });

export const errorFrame = (code: string, detail: string, cursor: string): string => JSON.stringify({ type: 'error', code, detail, cursor });

const FINAL_TEXT = 0x81;
const LENGTH_16 = 126;
const LENGTH_64 = 127;

/** A whole WebSocket text message, unmasked as a server sends it (RFC 6455, section 5.2). */
export const webSocketText = (text: string): Buffer => {
  const length = Buffer.byteLength(text);
  const head = length < LENGTH_16 ? 2 : length < 0x10000 ? 4 : 10;
  const bytes = Buffer.allocUnsafe(head + length);
  bytes[0] = FINAL_TEXT;
  if (head === 2) bytes[1] = length;
  else if (head === 4) {
    bytes[1] = LENGTH_16;
    bytes.writeUInt16BE(length, 2);
  } else {
    bytes[1] = LENGTH_64;
    bytes.writeBigUInt64BE(BigInt(length), 2);
  }
  bytes.write(text, head);
  return bytes;
};
