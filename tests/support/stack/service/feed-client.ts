// tests/support/stack/service/feed-client.ts: a client of the live feed that keeps what it is sent.

import WebSocket from 'ws';
import { eventually } from '../../eventually.ts';

export interface Frame {
  type: string;
  cursor: string;
  order_id?: string;
  status?: string;
  previous_status?: string | null;
  version?: number;
  [field: string]: unknown;
}

export interface FeedClient {
  socket: WebSocket;
  frames: Frame[];
  /** The `order` frames, of one order if named. */
  orders: (orderId?: string) => Frame[];
  /** Waits for as many order frames. */
  seen: (count: number, orderId?: string) => Promise<Frame[]>;
  closed: Promise<{ code: number; reason: string }>;
}

/** Resolves once it is subscribed, or closed again. `url` is that of the api: http://127.0.0.1:PORT. */
export const openFeed = async (url: string, path = '/feed', headers: Record<string, string> = {}): Promise<FeedClient> => {
  const socket = new WebSocket(`${url.replace('http', 'ws')}${path}`, { headers });
  const frames: Frame[] = [];
  socket.on('message', (data) => frames.push(JSON.parse(String(data)) as Frame));
  let over = false;
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.on('close', (code, reason) => {
      over = true;
      resolve({ code, reason: String(reason) });
    }),
  );
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  await eventually(() => over || frames.length > 0, { what: 'the first frame of the feed' });
  const orders = (orderId?: string) =>
    frames.filter((frame) => frame.type === 'order' && (orderId === undefined || frame.order_id === orderId));
  return {
    socket,
    frames,
    orders,
    seen: async (count, orderId) => {
      await eventually(() => orders(orderId).length >= count, {
        what: `${count} order frames${orderId === undefined ? '' : ` of ${orderId}`}`,
      });
      return orders(orderId);
    },
    closed,
  };
};
