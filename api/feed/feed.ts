// api/feed/feed.ts: the live feed: sends every change that the tail applies to every client that may see it.
// A frame is encoded once, collected for one turn of the event loop, and written to each socket in one piece. A slow client never delays
// the others: it is disconnected.

import type { Socket } from 'node:net';
import type { WebSocket } from '@fastify/websocket';
import { shapeProblem } from '../http/bodies/json-shape.ts';
import type { Change } from '../reads/tail-memory.ts';
import { batchesOf, type Frame } from './batches.ts';
import { createConnectedClients, type FeedMetrics } from './connected-clients.ts';
import { cursorsAlong, errorFrame, feedCursor, orderFrame, plainFrame, webSocketText } from './frames.ts';

export interface FeedOptions {
  /** Changes below these offsets, by partition, have been passed to `onChanges`. */
  publishedOffsets: () => readonly number[];
  metrics: FeedMetrics;
}

export interface Feed {
  /**
   * Takes a client in: `subscribed` at once, then everything from now on that `owner` may see (null: all of it). `wire` is the
   * connection under the WebSocket.
   */
  connect: (client: WebSocket, wire: Socket, owner: string | null) => void;
  /** Ends it because of what it was opened with. */
  end: (client: WebSocket, why: 'expired' | 'forbidden') => void;
  /** Answers with an error frame and closes the connection: the client has asked for what there is not. */
  refuse: (client: WebSocket, detail: string) => void;
  /** The same, because its caller has too many feeds open. */
  turnAway: (client: WebSocket, detail: string) => void;
  onChanges: (partition: number, changes: readonly Change[]) => void;
  /** Tells every client that this instance stops. Resolves when the connections are closed, at the latest after a second. */
  stop: () => Promise<void>;
}

export const HEARTBEAT_MS = 5_000;
// Each may hold SLOW_BYTES_MAX: together a gigabyte at the very worst.
const CLIENTS_MAX = 1_000;

export const createFeed = ({ publishedOffsets, metrics }: FeedOptions): Feed => {
  const clients = createConnectedClients(metrics);
  let pending: Frame[] = [];

  const flush = (): void => {
    if (pending.length === 0) return;
    const frames = pending;
    pending = [];
    if (clients.count() > 0) clients.send(batchesOf(frames));
  };

  const now = (): string => feedCursor(publishedOffsets());

  const refuse = (client: WebSocket, detail: string): void => {
    clients.say(client, errorFrame('VALIDATION_FAILED', detail, now()));
    clients.drop(client, 'bad_message');
  };

  const turnAway = (client: WebSocket, detail: string): void => {
    clients.say(client, errorFrame('RATE_LIMITED', detail, now()));
    clients.drop(client, 'too_many');
  };

  const onMessage = (client: WebSocket, text: string): void => {
    if (!clients.has(client)) return;
    if (clients.isSlow(client)) {
      clients.drop(client, 'slow');
    } else if (isPlainSubscription(text)) {
      flush(); // so that the cursor of the answer covers what was sent before it, and nothing else
      clients.say(client, plainFrame('subscribed', now()));
    } else {
      refuse(client, 'The only message is {"type":"subscribe"}; filters are not available yet.');
    }
  };

  const connect = (client: WebSocket, wire: Socket, owner: string | null): void => {
    if (clients.count() >= CLIENTS_MAX) {
      clients.say(client, errorFrame('OVERLOADED', `This instance serves ${CLIENTS_MAX} clients.`, now()));
      clients.drop(client, 'too_many');
      return;
    }
    flush(); // what happened before belongs to the others
    clients.add(client, wire, owner);
    client.on('message', (data) => onMessage(client, String(data)));
    client.on('close', () => clients.forget(client));
    clients.say(client, plainFrame('subscribed', now()));
  };

  const onChanges = (partition: number, changes: readonly Change[]): void => {
    if (clients.count() === 0) return;
    const cursor = cursorsAlong(publishedOffsets(), partition);
    if (pending.length === 0) setImmediate(flush);
    for (const change of changes) {
      pending.push({ userId: change.order.userId, bytes: webSocketText(orderFrame(change, cursor(change.offset + 1))) });
    }
  };

  const heartbeat = setInterval(() => {
    flush();
    const batch = { bytes: webSocketText(plainFrame('heartbeat', now())), frames: 1 };
    if (clients.count() > 0) clients.send(() => batch);
  }, HEARTBEAT_MS).unref();

  const stop = async (): Promise<void> => {
    clearInterval(heartbeat);
    flush();
    await clients.closeAll(plainFrame('shutdown', now()));
  };

  const end: Feed['end'] = (client, why) => {
    if (clients.has(client)) clients.drop(client, why);
  };
  return { connect, end, refuse, turnAway, onChanges, stop };
};

const isPlainSubscription = (text: string): boolean => {
  if (shapeProblem(text) !== null) return false;
  try {
    const message: unknown = JSON.parse(text);
    if (typeof message !== 'object' || message === null) return false;
    return (message as { type?: unknown }).type === 'subscribe' && Object.keys(message).length === 1;
  } catch {
    return false;
  }
};
