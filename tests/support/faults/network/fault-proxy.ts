// tests/support/faults/network/fault-proxy.ts: the network between a role and what it talks to, in the hands of a test.
// Connections through it can be cut, refused, slowed down, or left half-open. It carries bytes; who knows what they mean looks at them as a
// `Lens`.

import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export interface Shape {
  /** Added to every chunk of bytes, in each direction. */
  latencyMs: number;
  /** Of each connection, in each direction. */
  bytesPerSecond: number;
}

export interface FaultProxy {
  /** `host:port` to give to clients instead of the target's. */
  readonly address: string;
  /** Connections that carry bytes right now. */
  connections(): number;
  /** Resets every connection and says how many there were. New ones are taken. */
  cut(): number;
  /** Cuts, and resets whoever comes until `heal`: nobody listens there any more. */
  refuse(): number;
  /** Bytes pass later and more slowly until `heal`. */
  slow(shape: Shape): void;
  /**
   * Half-open: from now on nothing passes on any connection, and no end of it is ever seen. Says how many there were. Those stay dead;
   * new ones hang in the same way until `heal`.
   */
  vanish(): number;
  /** The network is as it should be, for new connections and for those that were not cut or left half-open. */
  heal(): void;
  stop(): Promise<void>;
}

/** One connection as its lens sees it. What is sent here goes out as the network is at that moment. */
export interface Ends {
  toServer(bytes: Buffer): void;
  toClient(bytes: Buffer): void;
  cut(): void;
}

/** Called with what comes from either side of one connection; passes on what it likes. */
export interface Lens {
  fromClient(bytes: Buffer): void;
  fromServer(bytes: Buffer): void;
}

const transparent = (ends: Ends): Lens => ({ fromClient: ends.toServer, fromServer: ends.toClient });

interface Connection {
  client: Socket;
  server: Socket;
  dead: boolean;
}

export const startFaultProxy = async (target: string, lensFor: (ends: Ends) => Lens = transparent): Promise<FaultProxy> => {
  const { host, port } = parseAddress(target);
  const connections = new Set<Connection>();
  let shape: Shape | null = null;
  let refusing = false;
  let vanished = false;

  const listener: Server = createServer((client) => {
    if (refusing) {
      client.resetAndDestroy();
      return;
    }
    const server = connect({ host, port });
    const connection: Connection = { client, server, dead: vanished };
    connections.add(connection);
    const end = (): void => {
      if (connection.dead && !client.destroyed) return; // its other side must not notice
      connections.delete(connection);
      client.destroy();
      server.destroy();
    };
    const ends: Ends = {
      toServer: shaped(server, () => shape),
      toClient: shaped(client, () => shape),
      cut: () => reset(connection),
    };
    const lens = lensFor(ends);
    client.on('data', (bytes) => !connection.dead && lens.fromClient(bytes));
    server.on('data', (bytes) => !connection.dead && lens.fromServer(bytes));
    for (const socket of [client, server]) socket.setNoDelay(true).on('close', end).on('error', end);
  });
  const reset = (connection: Connection): void => {
    connections.delete(connection);
    connection.dead = false;
    connection.client.resetAndDestroy();
    connection.server.destroy();
  };
  const cut = (): number => {
    const alive = [...connections];
    for (const connection of alive) reset(connection);
    return alive.length;
  };
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));

  return {
    address: `127.0.0.1:${(listener.address() as AddressInfo).port}`,
    connections: () => [...connections].filter(({ dead }) => !dead).length,
    cut,
    refuse: () => {
      refusing = true;
      return cut();
    },
    slow: (wanted) => {
      shape = wanted;
    },
    vanish: () => {
      vanished = true;
      const alive = [...connections].filter(({ dead }) => !dead);
      for (const connection of alive) connection.dead = true;
      return alive.length;
    },
    heal: () => {
      shape = null;
      refusing = false;
      vanished = false;
    },
    stop: async () => {
      cut();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
};

export const parseAddress = (address: string): { host: string; port: number } => {
  const [host, port] = address.split(':');
  if (!host || !port || address.includes(',')) throw new Error(`A proxy stands before one server, not before ${address}.`);
  return { host, port: Number(port) };
};

/** Writes in the order of the calls, each not before the network of its moment would have carried it. */
const shaped = (to: Socket, shapeNow: () => Shape | null): ((bytes: Buffer) => void) => {
  let queue: Promise<void> | null = null;
  let freeAt = 0;
  const write = (bytes: Buffer): void => void (to.writable && to.write(bytes));
  return (bytes) => {
    const shape = shapeNow();
    if (shape === null && queue === null) return write(bytes);
    const now = performance.now();
    const { latencyMs, bytesPerSecond } = shape ?? { latencyMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY };
    freeAt = Math.max(freeAt, now) + (bytes.length / bytesPerSecond) * 1_000;
    const dueAt = freeAt + latencyMs;
    const mine: Promise<void> = (queue ?? Promise.resolve())
      .then(() => delay(Math.max(dueAt - performance.now(), 0)))
      .then(() => {
        write(bytes);
        if (queue === mine) queue = null;
      });
    queue = mine;
  };
};
