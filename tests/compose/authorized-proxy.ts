// tests/compose/authorized-proxy.ts: lets tests that know no credentials talk to an api that asks for them.
// It passes requests and WebSocket upgrades on with an Authorization header.

import { Agent, createServer, type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import type { AddressInfo } from 'node:net';

export const startAuthorizedProxy = async (target: string, authorization: string) => {
  const { hostname, port } = new URL(target);
  const agent = new Agent({ keepAlive: false }); // a kept connection may be closed by the api just as it is used again
  const passOn = ({ method, url, headers }: IncomingMessage) =>
    request({ agent, hostname, port, method, path: url, headers: { ...headers, authorization } as OutgoingHttpHeaders });

  const server = createServer((incoming, answer) => {
    const outgoing = passOn(incoming);
    outgoing.on('response', (response) => {
      answer.writeHead(response.statusCode!, response.headers);
      response.pipe(answer);
    });
    outgoing.on('error', () => answer.destroy());
    incoming.pipe(outgoing);
  });
  server.on('upgrade', (incoming, socket, head) => {
    const outgoing = passOn(incoming);
    outgoing.on('upgrade', (response, upstream, early) => {
      const lines = Object.entries(response.headers).map(([name, value]) => `${name}: ${String(value)}`);
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`);
      socket.write(early);
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    outgoing.on('error', () => socket.destroy());
    outgoing.end();
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop };
};
