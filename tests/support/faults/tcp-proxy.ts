// tests/support/faults/tcp-proxy.ts: stands between a Kafka client and its broker and breaks the connection where a test wants it broken.
// It forwards bytes, but knows where requests and responses begin, so that a fault can hit, say, the first answer to a Produce.

import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import type { ISocketFactory } from 'kafkajs';
import { openSocket } from '../../../shared/log/connect/client.ts';

export const PRODUCE = 0;
export const FETCH = 1;
export const FIND_COORDINATOR = 10;
export const JOIN_GROUP = 11;

/** `cut`: the connection ends instead of the response. `swallow`: the response is lost, the connection stays. */
export type Fault = 'pass' | 'cut' | 'swallow';

export interface TcpProxy {
  /** Give this to `createLogClient`: it maps every address, the advertised one included, to the proxy. */
  socketFactory: ISocketFactory;
  /** Asked for every response, with the kind of request it answers, which has been carried out by then. May change the frame's bytes. */
  onResponse(fault: (apiKey: number, frame: Buffer) => Fault): void;
  /** Ends all connections and refuses new ones, like a broker that is down. Resolves when the clients have noticed. */
  down(): Promise<void>;
  /** Accepts connections again, at the same port. */
  up(): Promise<void>;
  /** Lets nothing through in either direction until `release`; connections stay open. */
  hold(): void;
  release(): void;
  stop(): Promise<void>;
}

export const startTcpProxy = async (target: string): Promise<TcpProxy> => {
  const [host, port] = target.split(':') as [string, string];
  const pairs = new Set<{ client: Socket; broker: Socket }>();
  let faultOf: (apiKey: number, frame: Buffer) => Fault = () => 'pass';
  let held = false;

  const server: Server = createServer((client) => {
    const broker = dial({ host, port: Number(port) });
    const pair = { client, broker };
    const apiKeys = new Map<number, number>();
    const end = () => {
      pairs.delete(pair);
      client.destroy();
      broker.destroy();
    };
    pairs.add(pair);
    if (held) pause(pair);
    const requests = frames((frame) => {
      apiKeys.set(frame.readInt32BE(8), frame.readInt16BE(4)); // correlation id → kind
      broker.write(frame);
    });
    const responses = frames((frame) => {
      const correlationId = frame.readInt32BE(4);
      const fault = faultOf(apiKeys.get(correlationId) ?? -1, frame);
      apiKeys.delete(correlationId);
      if (fault === 'cut') end();
      else if (fault === 'pass') client.write(frame);
    });
    client.on('data', requests).on('close', end).on('error', end);
    broker.on('data', responses).on('close', end).on('error', end);
  });
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  await listen(0);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');

  const dialled = new Set<Socket>();
  const cutAll = () => {
    for (const { client, broker } of pairs) {
      client.destroy();
      broker.destroy();
    }
  };
  return {
    socketFactory: (args) => {
      const socket = openSocket({ ...args, host: '127.0.0.1', port: address.port });
      dialled.add(socket);
      socket.once('close', () => dialled.delete(socket));
      return socket;
    },
    onResponse: (fault) => {
      faultOf = fault;
    },
    down: async () => {
      server.close();
      cutAll();
      await Promise.all(Array.from(dialled, (socket) => new Promise((resolve) => socket.once('close', resolve))));
    },
    up: () => listen(address.port),
    hold: () => {
      held = true;
      for (const pair of pairs) pause(pair);
    },
    release: () => {
      held = false;
      for (const { client, broker } of pairs) {
        client.resume();
        broker.resume();
      }
    },
    stop: async () => {
      cutAll();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
};

const pause = ({ client, broker }: { client: Socket; broker: Socket }): void => {
  client.pause();
  broker.pause();
};

// Kafka's frames: an int32 with the length of the rest, then the rest.
const frames = (onFrame: (frame: Buffer) => void): ((chunk: Buffer) => void) => {
  let waiting: Buffer = Buffer.alloc(0);
  return (chunk) => {
    waiting = waiting.length === 0 ? chunk : Buffer.concat([waiting, chunk]);
    while (waiting.length >= 4 && waiting.length >= 4 + waiting.readInt32BE(0)) {
      const end = 4 + waiting.readInt32BE(0);
      const frame = waiting.subarray(0, end);
      waiting = waiting.subarray(end);
      onFrame(frame);
    }
  };
};
