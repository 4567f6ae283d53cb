// tests/simulation/clients/feed-checks.ts: what each frame of the live feed is held to as it arrives.
// Per connection nothing is missing, nothing comes twice, and a cursor covers what was sent before it and no more.

import type { ApiParts } from '../../../api/api.ts';
import type { Slot } from '../fleet.ts';
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

export interface Connection {
  instance: Slot<ApiParts>;
  process: Slot<ApiParts>['process'];
  owner: string | null;
  /** Below these offsets everything was received, or was not asked for; null before `subscribed`. */
  upTo: number[] | null;
  open: boolean;
}

const isVisible = ({ owner }: Connection, { order }: TrueChange): boolean => owner === null || order.userId === owner;
/** The first change at or behind an offset that the client is to be told of. */
const nextChange = ({ truth }: World, connection: Connection, partition: number, from: number): TrueChange | undefined =>
  truth.changes[partition]!.find((change) => change.offset >= from && isVisible(connection, change));

const takeOrder = (world: World, connection: Connection, frame: Frame, at: number[]): void => {
  const { sim, truth } = world;
  const { partition = -1, changes = [] } = truth.orders.get(frame.order_id!) ?? {};
  const change = changes[frame.version! - 1];
  const expected = partition < 0 ? undefined : nextChange(world, connection, partition, connection.upTo![partition]!);
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
/** The next message of a connection: nothing is missing before it, nothing comes twice. */
export const takeFrame = (world: World, connection: Connection, text: string): void => {
  const { sim } = world;
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
  if (frame.type === 'order') takeOrder(world, connection, frame, at);
  // What a cursor covers has been sent before it: what begins there would miss nothing.
  for (const [partition, offset] of at.entries()) {
    const missing = nextChange(world, connection, partition, connection.upTo[partition]!);
    if (missing !== undefined && missing.offset < offset)
      sim.violate(
        `the cursor ${frame.cursor} of ${connection.process.name} is past version ${missing.order.version} of ${missing.order.orderId}, which was not sent`,
      );
  }
};

/** In the end, with a client that is still connected: it was told of everything. */
export const checkComplete = (world: World, connection: Connection): void => {
  for (const [partition, upTo] of connection.upTo!.entries()) {
    const missing = nextChange(world, connection, partition, upTo);
    if (missing) world.sim.violate(`${connection.process.name} never told of version ${missing.order.version} of ${missing.order.orderId}`);
  }
};

/** The WebSocket messages in what was written to a connection. */
export const textsIn = (bytes: Buffer): string[] => {
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
