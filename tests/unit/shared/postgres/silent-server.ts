// tests/unit/shared/postgres/silent-server.ts: a server that speaks as much of PostgreSQL's protocol as the pool needs, and falls silent when told to.
// For what a test has to see of the wire: which statements came over which connection, and when it was closed.

import { type AddressInfo, createServer, type Socket } from 'node:net';

export interface SeenConnection {
  /** Simple statements, in the order in which they came. */
  statements: string[];
  closed: boolean;
}

export interface SilentServer {
  url: string;
  connections: SeenConnection[];
  /** From now on nothing that these connections say is answered; without any: what new ones say either. */
  silence: (...connections: SeenConnection[]) => void;
  /** The next statement like this fails with this SQLSTATE. */
  fail: (statement: string, state: string) => void;
  stop: () => void;
}

const AUTHENTICATED = Buffer.from([...Buffer.from('R'), 0, 0, 0, 8, 0, 0, 0, 0]);
const READY = Buffer.from([...Buffer.from('Z'), 0, 0, 0, 5, ...Buffer.from('I')]);
const message = (type: string, ...parts: string[]): Buffer => {
  const body = Buffer.from(parts.map((part) => `${part}\0`).join(''));
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
};
const QUERY = 'Q'.charCodeAt(0);

export const startSilentServer = async (): Promise<SilentServer> => {
  const connections: SeenConnection[] = [];
  const sockets = new Set<Socket>();
  const silent = new Set<SeenConnection>();
  const failures = new Map<string, string>();
  let allSilent = false;

  const answer = (socket: Socket, seen: SeenConnection, statement: string): void => {
    seen.statements.push(statement);
    if (allSilent || silent.has(seen)) return;
    const state = failures.get(statement);
    failures.delete(statement);
    const result = state === undefined ? message('C', 'OK') : message('E', 'SERROR', 'VERROR', `C${state}`, 'Mtold to', '');
    socket.write(Buffer.concat([result, READY]));
  };

  const server = createServer((socket) => {
    const seen: SeenConnection = { statements: [], closed: false };
    connections.push(seen);
    sockets.add(socket);
    let started = false;
    socket
      .on('error', () => {})
      .on('close', () => {
        seen.closed = true;
        sockets.delete(socket);
      });
    socket.on('data', (bytes) => {
      if (!started) {
        started = true; // the startup packet, alone in its write
        if (!allSilent) socket.write(Buffer.concat([AUTHENTICATED, READY]));
      } else if (bytes[0] === QUERY) answer(socket, seen, bytes.subarray(5, bytes.indexOf(0, 5)).toString());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `postgres://nobody@127.0.0.1:${(server.address() as AddressInfo).port}/none`,
    connections,
    silence: (...some) => {
      if (some.length === 0) allSilent = true;
      for (const each of some) silent.add(each);
    },
    fail: (statement, state) => void failures.set(statement, state),
    stop: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
};
