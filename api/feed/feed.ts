// api/feed/feed.ts: the live feed: what the tail applies, written to every client. Frames are encoded once, collected while
// the event loop turns, and written to each socket in one piece. A slow client is cut off; the others notice nothing.

import type { Socket } from 'node:net';
import type { WebSocket } from '@fastify/websocket';
import type { Change } from '../tail-memory.ts';
import { cursorsAlong, errorFrame, feedCursor, orderFrame, plainFrame, webSocketText } from './frames.ts';

export interface FeedMetrics {
  clients: (count: number) => void;
  sent: (frames: number) => void;
  dropped: (reason: DropReason) => void;
}
export const DROP_REASONS = ['slow', 'bad_message', 'too_many', 'shutdown'] as const;
export type DropReason = (typeof DROP_REASONS)[number];

export interface FeedOptions {
  /** Where the feed stands: changes below these offsets have been told. */
  told: () => readonly number[];
  metrics: FeedMetrics;
}

export interface Feed {
  /** Takes a client in: `subscribed` at once, then everything from now on. `wire` is the connection under the WebSocket. */
  connect: (client: WebSocket, wire: Socket) => void;
  /** Answers with an error frame and closes the connection. */
  refuse: (client: WebSocket, detail: string) => void;
  onChanges: (partition: number, changes: readonly Change[]) => void;
  /** Says goodbye to everybody. Resolves when the connections are closed, at the latest after a second. */
  stop: () => Promise<void>;
}

export const HEARTBEAT_MS = 5_000;
/** What may wait for one client: some 4,000 frames, seconds at full speed. */
export const SLOW_BYTES_MAX = 1_048_576;
// Each may hold SLOW_BYTES_MAX: together a gigabyte at the very worst.
const CLIENTS_MAX = 1_000;
const CLOSE_GRACE_MS = 1_000;
const TRY_AGAIN_LATER = 1013;

const CLOSE: Readonly<Record<DropReason, number>> = { slow: 4008, bad_message: 4000, too_many: TRY_AGAIN_LATER, shutdown: 1001 };

export const createFeed = ({ told, metrics }: FeedOptions): Feed => {
  const clients = new Map<WebSocket, Socket>();
  let pending: Buffer[] = [];

  const send = (bytes: Buffer, frames: number): void => {
    for (const [client, wire] of clients) {
      if (wire.writableLength > SLOW_BYTES_MAX) drop(client, 'slow');
      else wire.write(bytes);
    }
    metrics.sent(frames * clients.size);
  };
  const flush = (): void => {
    if (pending.length === 0) return;
    const frames = pending;
    pending = [];
    if (clients.size > 0) send(frames.length === 1 ? frames[0]! : Buffer.concat(frames), frames.length);
  };

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
  const now = (): string => feedCursor(told());

  const refuse = (client: WebSocket, detail: string): void => {
    say(client, errorFrame('VALIDATION_FAILED', detail, now()));
    drop(client, 'bad_message');
  };

  const onMessage = (client: WebSocket, text: string): void => {
    const wire = clients.get(client);
    if (wire === undefined) return;
    if (wire.writableLength > SLOW_BYTES_MAX) {
      drop(client, 'slow');
    } else if (isPlainSubscription(text)) {
      flush(); // so that the cursor of the answer covers what was sent before it, and nothing else
      say(client, plainFrame('subscribed', now()));
    } else {
      refuse(client, 'The only message is {"type":"subscribe"}; filters are not available yet.');
    }
  };

  const connect = (client: WebSocket, wire: Socket): void => {
    if (clients.size >= CLIENTS_MAX) {
      say(client, errorFrame('OVERLOADED', `This instance serves ${CLIENTS_MAX} clients.`, now()));
      drop(client, 'too_many');
      return;
    }
    flush(); // what happened before belongs to the others
    clients.set(client, wire);
    metrics.clients(clients.size);
    client.on('message', (data) => onMessage(client, String(data)));
    client.on('close', () => forget(client));
    say(client, plainFrame('subscribed', now()));
  };

  const onChanges = (partition: number, changes: readonly Change[]): void => {
    if (clients.size === 0) return;
    const cursor = cursorsAlong(told(), partition);
    if (pending.length === 0) setImmediate(flush);
    for (const change of changes) pending.push(webSocketText(orderFrame(change, cursor(change.offset + 1))));
  };

  const heartbeat = setInterval(() => {
    flush();
    if (clients.size > 0) send(webSocketText(plainFrame('heartbeat', now())), 1);
  }, HEARTBEAT_MS).unref();

  const stop = async (): Promise<void> => {
    clearInterval(heartbeat);
    flush();
    const closed = [...clients.keys()].map(
      (client) =>
        new Promise<void>((resolve) => {
          client.once('close', () => resolve());
          say(client, plainFrame('shutdown', now()));
          drop(client, 'shutdown');
        }),
    );
    await Promise.all(closed);
  };

  return { connect, refuse, onChanges, stop };
};

const isPlainSubscription = (text: string): boolean => {
  try {
    const message: unknown = JSON.parse(text);
    if (typeof message !== 'object' || message === null) return false;
    return (message as { type?: unknown }).type === 'subscribe' && Object.keys(message).length === 1;
  } catch {
    return false;
  }
};
