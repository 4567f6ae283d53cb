// tests/oracle/feed-recorder.ts: watches the live feed of one api and writes every order frame into the journal. A connection that
// ends is opened again; each begins again, with a reset.

import { setTimeout as delay } from 'node:timers/promises';
import type { Journal } from './journal.ts';

export interface FeedRecorder {
  /** Resolves when the connection is closed. */
  stop: () => Promise<void>;
  frames: () => number;
}

const RECONNECT_MS = 250;

/** `url`: http://host:port of the api. */
export const recordFeed = (url: string, journal: Journal): FeedRecorder => {
  let stopping = false;
  let socket: WebSocket | undefined;
  let connections = 0;
  let frames = 0;

  const watch = (): Promise<void> =>
    new Promise((resolve) => {
      connections += 1;
      const subscription = `${url}#${connections}`;
      socket = new WebSocket(`${url.replace('http', 'ws')}/feed`);
      socket.addEventListener('open', () => journal.add({ kind: 'frame', subscription, type: 'reset', orders: [] }));
      socket.addEventListener('message', ({ data }) => {
        const frame = JSON.parse(String(data)) as { type: string; order_id: string; version: number };
        if (frame.type !== 'order') return;
        frames += 1;
        journal.add({ kind: 'frame', subscription, type: 'order', orders: [{ orderId: frame.order_id, version: frame.version }] });
      });
      socket.addEventListener('error', () => resolve());
      socket.addEventListener('close', () => resolve());
    });
  const running = (async () => {
    while (!stopping) {
      await watch();
      if (!stopping) await delay(RECONNECT_MS);
    }
  })();
  const stop = async (): Promise<void> => {
    stopping = true;
    socket?.close();
    await running;
  };
  return { stop, frames: () => frames };
};
