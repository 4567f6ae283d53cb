// tests/simulation/clients/watchers.ts: clients of the live feed, that come, go, come back and fall behind. Each frame is held against the
// log as it arrives: per connection nothing is missing, nothing comes twice, and a cursor covers what was sent before it and no more.

import type { Socket } from 'node:net';
import type { WebSocket } from '@fastify/websocket';
import type { ApiParts } from '../../../api/api.ts';
import { SLOW_BYTES_MAX } from '../../../api/feed/connected-clients.ts';
import type { Slot } from '../fleet.ts';
import { isReady } from '../processes/api.ts';
import type { TrueChange } from '../truth/truth.ts';
import type { World } from '../world.ts';

interface Frame {
  type: string;
  cursor: string;
  order_id?: string;
  user_id?: string;
  status?: string;
  previous_status?: string | null;
  version?: number;
  event?: string;
}

interface Connection {
  instance: Slot<ApiParts>;
  process: Slot<ApiParts>['process'];
  owner: string | null;
  /** Below these offsets everything was received, or was not asked for; null before `subscribed`. */
  upTo: number[] | null;
  open: boolean;
}

const OWNERS = [null, null, 'u1', 'u2'] as const;

/** Returns what looks at the connections that are open in the end. */
export const sendWatchers = (world: World, instances: readonly Slot<ApiParts>[], count: number): (() => void) => {
  const { sim, truth, settings } = world;
  const connections: Connection[] = [];

  const isVisible = ({ owner }: Connection, { order }: TrueChange): boolean => owner === null || order.userId === owner;
  /** The first change at or behind an offset that the client is to be told of. */
  const nextChange = (connection: Connection, partition: number, from: number): TrueChange | undefined =>
    truth.changes[partition]!.find((change) => change.offset >= from && isVisible(connection, change));

  const takeOrder = (connection: Connection, frame: Frame, at: number[]): void => {
    const { partition = -1, changes = [] } = truth.orders.get(frame.order_id!) ?? {};
    const change = changes[frame.version! - 1];
    const expected = partition < 0 ? undefined : nextChange(connection, partition, connection.upTo![partition]!);
    const where = `${connection.process.name} tells of version ${frame.version} of ${frame.order_id}`;
    if (change === undefined || change !== expected) {
      sim.violate(`${where}, due is ${expected ? `version ${expected.order.version} of ${expected.order.orderId}` : 'nothing'}`);
      return;
    }
    if (
      frame.status !== change.order.status ||
      frame.previous_status !== change.previousStatus ||
      frame.event !== change.name ||
      frame.user_id !== change.order.userId
    )
      sim.violate(`${where} as ${JSON.stringify(frame)}`);
    if (at[partition] !== change.offset + 1) sim.violate(`${where} at ${change.offset} with the cursor ${frame.cursor}`);
    connection.upTo![partition] = change.offset + 1;
  };
  const take = (connection: Connection, text: string): void => {
    const frame = JSON.parse(text) as Frame;
    const at = frame.cursor
      .split('.')
      .slice(1)
      .map((part) => Number.parseInt(part, 36));
    if (connection.upTo === null) {
      if (frame.type !== 'subscribed') sim.violate(`the first frame is ${frame.type}`);
      connection.upTo = at;
      return;
    }
    if (frame.type === 'order') takeOrder(connection, frame, at);
    // Whoever comes back with this cursor must miss nothing.
    for (const [partition, offset] of at.entries()) {
      const missing = nextChange(connection, partition, connection.upTo[partition]!);
      if (missing !== undefined && missing.offset < offset)
        sim.violate(
          `the cursor ${frame.cursor} of ${connection.process.name} is past version ${missing.order.version} of ${missing.order.orderId}, which was not sent`,
        );
    }
  };

  const connect = (): void => {
    const instance = sim.pick(instances);
    const { process, running } = instance;
    const again = (): void => void sim.after(sim.between(50, 1_500), connect, null);
    if (!process.alive || running === null || !isReady(running)) {
      again();
      return;
    }
    const connection: Connection = { instance, process, owner: sim.pick(OWNERS), upTo: null, open: true };
    connections.push(connection);
    let onClose = (): void => {};
    const takeAll = (bytes: Buffer): void => {
      for (const text of textsIn(bytes)) take(connection, text);
    };
    const close = (): void => {
      if (!connection.open) return;
      connection.open = false;
      onClose();
      again();
    };
    const wire = {
      writableLength: 0,
      write: (bytes: Buffer) => {
        if (wire.writableLength > SLOW_BYTES_MAX) sim.violate(`${process.name} writes to a client that is too far behind`);
        takeAll(bytes);
      },
    };
    const socket = {
      send: (text: string) => take(connection, text),
      on: (event: string, listener: () => void) => {
        if (event === 'close') onClose = listener;
      },
      close,
      terminate: () => {},
    };
    sim.after(
      sim.between(0, 5),
      () => running.feed.connect(socket as unknown as WebSocket, wire as unknown as Socket, connection.owner),
      process,
    );
    // It leaves, is slow and cut off, or stays to the end.
    const fate = sim.random();
    if (fate < 0.5) sim.after(sim.between(100, settings.faultsMs / 2), close, process);
    else if (fate < 0.6) {
      sim.after(
        sim.between(100, settings.faultsMs / 2),
        () => {
          wire.writableLength = SLOW_BYTES_MAX + 1;
        },
        process,
      );
    }
    // With its process its connection dies.
    const watch = (): void => {
      if (!connection.open) return;
      if (process.alive) sim.after(500, watch, null);
      else close();
    };
    watch();
  };
  for (let n = 0; n < count; n += 1) sim.after(sim.between(0, settings.faultsMs), connect, null);

  return () => {
    for (const connection of connections) {
      if (!connection.open || !connection.process.alive || connection.upTo === null) continue;
      for (const [partition, upTo] of connection.upTo.entries()) {
        const missing = nextChange(connection, partition, upTo);
        if (missing) sim.violate(`${connection.process.name} never told of version ${missing.order.version} of ${missing.order.orderId}`);
      }
    }
  };
};

/** The WebSocket messages in what was written to a connection. */
const textsIn = (bytes: Buffer): string[] => {
  const texts: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const short = bytes[at + 1]!;
    const [length, head] =
      short < 126 ? [short, 2] : short === 126 ? [bytes.readUInt16BE(at + 2), 4] : [Number(bytes.readBigUInt64BE(at + 2)), 10];
    texts.push(bytes.toString('utf8', at + head, at + head + length));
    at += head + length;
  }
  return texts;
};
