// shared/log/connect/sockets.ts: the sockets of one user of a client, which can be cut all at once.
// While the user connects, each socket is cut whose broker accepts the connection and says nothing.

import type { Socket } from 'node:net';
import type { ISocketFactory } from 'kafkajs';

export interface TrackedSockets {
  /** Opens sockets, and remembers them. */
  factory: ISocketFactory;
  /** Ends all, with an error that makes kafkajs give up what waits for an answer on them. */
  cut: () => void;
  /** Cuts every connection that is opened meanwhile, and not good for anything in time. */
  shaking: (connect: () => Promise<void>) => Promise<void>;
}

export const CLOSED_BY_US = 'closed by its owner';

// What a broker may take for a handshake. kafkajs passes over one that refuses the connection, but asks one that accepts it and is silent
// (stopped, its machine swapping) for ten seconds and then gives up, the next time too: it goes on to the next when the connection is cut.
const HANDSHAKE_MAX_MS = 3_000;

export const trackSockets = (open: ISocketFactory): TrackedSockets => {
  const sockets = new Set<Socket>();
  const handshakes = new Set<NodeJS.Timeout>();
  let connecting = false;
  return {
    factory: (args) => {
      const socket = open(args);
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      if (connecting) handshakes.add(setTimeout(() => socket.destroy(new Error('no answer to the handshake')), HANDSHAKE_MAX_MS));
      return socket;
    },
    cut: () => {
      for (const socket of sockets) socket.destroy(new Error(CLOSED_BY_US));
    },
    shaking: async (connect) => {
      connecting = true;
      try {
        await connect();
      } finally {
        connecting = false;
        for (const timer of handshakes) clearTimeout(timer);
        handshakes.clear();
      }
    },
  };
};
