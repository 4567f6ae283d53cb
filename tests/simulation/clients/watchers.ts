// tests/simulation/clients/watchers.ts: clients of the live feed, that come, go, come back and fall behind. What their frames are held to:
// feed-checks.ts.

import type { Socket } from 'node:net';
import type { WebSocket } from '@fastify/websocket';
import type { ApiParts } from '../../../api/api.ts';
import { SLOW_BYTES_MAX } from '../../../api/feed/connected-clients.ts';
import type { Slot } from '../fleet.ts';
import { isReady } from '../processes/api.ts';
import type { World } from '../world.ts';
import { type Connection, checkComplete, takeFrame, textsIn } from './feed-checks.ts';

const OWNERS = [null, null, 'u1', 'u2'] as const;

/** Returns what looks at the connections that are open in the end. */
export const sendWatchers = (world: World, instances: readonly Slot<ApiParts>[], count: number): (() => void) => {
  const { sim, settings } = world;
  const connections: Connection[] = [];

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
      for (const text of textsIn(bytes)) takeFrame(world, connection, text);
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
      send: (text: string) => takeFrame(world, connection, text),
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
      checkComplete(world, connection);
    }
  };
};
