// api/feed/feed.ts: the live feed: what the tail applies, written to every client. Frames are encoded once, collected while
// the event loop turns, and written to each socket in one piece. A slow client is cut off; the others notice nothing.

import type { Socket } from 'node:net';
import type { WebSocket } from '@fastify/websocket';
import type { Change } from '../reads/tail-memory.ts';
import { cursorsAlong, errorFrame, feedCursor, orderFrame, plainFrame, webSocketText } from './frames.ts';

export interface FeedMetrics {
  clients: (count: number) => void;
  sent: (frames: number) => void;
  dropped: (reason: DropReason) => void;
}
export const DROP_REASONS = ['slow', 'bad_message', 'too_many', 'expired', 'forbidden', 'shutdown'] as const;
export type DropReason = (typeof DROP_REASONS)[number];

export interface FeedOptions {
  /** Where the feed stands: changes below these offsets have been told. */
  told: () => readonly number[];
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

const CLOSE: Readonly<Record<DropReason, number>> = {
  slow: 4008,
  bad_message: 4000,
  too_many: TRY_AGAIN_LATER,
  expired: 4001,
  forbidden: 4003,
  shutdown: 1001,
};

interface Client {
  wire: Socket;
  /** Whose orders alone it is told of; null: everybody's. */
  owner: string | null;
}

interface Frame {
  userId: string;
  bytes: Buffer;
}

export const createFeed = ({ told, metrics }: FeedOptions): Feed => {
  const clients = new Map<WebSocket, Client>();
  let pending: Frame[] = [];

  /** To each what its owner may see, put together once for all that see the same. */
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
  const flush = (): void => {
    if (pending.length === 0) return;
    const frames = pending;
    pending = [];
    if (clients.size > 0) send(batchesOf(frames));
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
    const known = clients.get(client);
    if (known === undefined) return;
    if (known.wire.writableLength > SLOW_BYTES_MAX) {
      drop(client, 'slow');
    } else if (isPlainSubscription(text)) {
      flush(); // so that the cursor of the answer covers what was sent before it, and nothing else
      say(client, plainFrame('subscribed', now()));
    } else {
      refuse(client, 'The only message is {"type":"subscribe"}; filters are not available yet.');
    }
  };

  const connect = (client: WebSocket, wire: Socket, owner: string | null): void => {
    if (clients.size >= CLIENTS_MAX) {
      say(client, errorFrame('OVERLOADED', `This instance serves ${CLIENTS_MAX} clients.`, now()));
      drop(client, 'too_many');
      return;
    }
    flush(); // what happened before belongs to the others
    clients.set(client, { wire, owner });
    metrics.clients(clients.size);
    client.on('message', (data) => onMessage(client, String(data)));
    client.on('close', () => forget(client));
    say(client, plainFrame('subscribed', now()));
  };

  const onChanges = (partition: number, changes: readonly Change[]): void => {
    if (clients.size === 0) return;
    const cursor = cursorsAlong(told(), partition);
    if (pending.length === 0) setImmediate(flush);
    for (const change of changes) {
      pending.push({ userId: change.order.userId, bytes: webSocketText(orderFrame(change, cursor(change.offset + 1))) });
    }
  };

  const heartbeat = setInterval(() => {
    flush();
    const batch = { bytes: webSocketText(plainFrame('heartbeat', now())), frames: 1 };
    if (clients.size > 0) send(() => batch);
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

  const end: Feed['end'] = (client, why) => {
    if (clients.has(client)) drop(client, why);
  };
  return { connect, end, refuse, onChanges, stop };
};

interface Batch {
  bytes: Buffer;
  frames: number;
}

const batchesOf = (frames: readonly Frame[]): ((owner: string | null) => Batch | null) => {
  const made = new Map<string | null, Batch | null>();
  let byUser: Map<string, Frame[]> | null = null;
  return (owner) => {
    const known = made.get(owner);
    if (known !== undefined) return known;
    if (owner !== null) byUser ??= Map.groupBy(frames, ({ userId }) => userId);
    const batch = batchOf(owner === null ? frames : (byUser!.get(owner) ?? []));
    made.set(owner, batch);
    return batch;
  };
};

const batchOf = (frames: readonly Frame[]): Batch | null => {
  if (frames.length === 0) return null;
  return { bytes: frames.length === 1 ? frames[0]!.bytes : Buffer.concat(frames.map(({ bytes }) => bytes)), frames: frames.length };
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
