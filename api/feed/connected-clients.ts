// api/feed/connected-clients.ts: the clients of the live feed, and what is written to each of them.
// It never waits for a client: one that does not read is disconnected.

import type { Socket } from 'node:net';
import type { WebSocket } from '@fastify/websocket';
import type { Batch } from './batches.ts';

export interface FeedMetrics {
  clients: (count: number) => void;
  sent: (frames: number) => void;
  dropped: (reason: DropReason) => void;
}
export const DROP_REASONS = ['slow', 'bad_message', 'too_many', 'expired', 'forbidden', 'shutdown'] as const;
export type DropReason = (typeof DROP_REASONS)[number];

interface Client {
  wire: Socket;
  /** The user whose orders alone it is told of; null: all users'. */
  owner: string | null;
}

export interface ConnectedClients {
  count: () => number;
  has: (client: WebSocket) => boolean;
  add: (client: WebSocket, wire: Socket, owner: string | null) => void;
  /** The connection is gone. */
  forget: (client: WebSocket) => void;
  /** Closes it with the reason's code; cut off after a second if it does not answer. */
  drop: (client: WebSocket, reason: DropReason) => void;
  /** More waits for it than may. */
  isSlow: (client: WebSocket) => boolean;
  /** One frame to one client, taken in or not. */
  say: (client: WebSocket, frame: string) => void;
  /** To each what its owner may see. */
  send: (batchFor: (owner: string | null) => Batch | null) => void;
  /** Says this to each and closes it. Resolves when the connections are closed, at the latest after a second. */
  closeAll: (frame: string) => Promise<void>;
}

/** What may wait for one client: some 4,000 frames, seconds at full speed. */
export const SLOW_BYTES_MAX = 1_048_576;
const CLOSE_GRACE_MS = 1_000;
const TRY_AGAIN_LATER = 1013;

const CLOSE: Readonly<Record<DropReason, number>> = {
  slow: 4008,
  bad_message: 4000,
  too_many: TRY_AGAIN_LATER,
  expired: 4001,
  forbidden: 4003,
  shutdown: 1001,
};

export const createConnectedClients = (metrics: FeedMetrics): ConnectedClients => {
  const clients = new Map<WebSocket, Client>();

  const forget = (client: WebSocket): void => {
    if (clients.delete(client)) metrics.clients(clients.size);
  };
  const drop = (client: WebSocket, reason: DropReason): void => {
    forget(client);
    metrics.dropped(reason);
    client.close(CLOSE[reason], reason);
    // A client that does not read does not answer the close frame either.
    setTimeout(() => client.terminate(), CLOSE_GRACE_MS).unref();
  };
  const say = (client: WebSocket, frame: string): void => {
    client.send(frame);
    metrics.sent(1);
  };
  const send = (batchFor: (owner: string | null) => Batch | null): void => {
    let sent = 0;
    for (const [client, { wire, owner }] of clients) {
      const batch = batchFor(owner);
      if (batch === null) continue;
      sent += batch.frames;
      if (wire.writableLength > SLOW_BYTES_MAX) drop(client, 'slow');
      else wire.write(batch.bytes);
    }
    metrics.sent(sent);
  };

  return {
    count: () => clients.size,
    has: (client) => clients.has(client),
    add: (client, wire, owner) => {
      clients.set(client, { wire, owner });
      metrics.clients(clients.size);
    },
    forget,
    drop,
    isSlow: (client) => (clients.get(client)?.wire.writableLength ?? 0) > SLOW_BYTES_MAX,
    say,
    send,
    closeAll: async (frame) => {
      const closed = [...clients.keys()].map(
        (client) =>
          new Promise<void>((resolve) => {
            client.once('close', () => resolve());
            say(client, frame);
            drop(client, 'shutdown');
          }),
      );
      await Promise.all(closed);
    },
  };
};
