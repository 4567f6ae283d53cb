// The pool against a server that accepts connections and says nothing.
// How many may wait, and what the next one hears.

import { type AddressInfo, createServer, type Socket } from 'node:net';
import { beforeEach, expect, it } from 'vitest';
import { openDatabase } from '../../../../shared/postgres/database.ts';
import { steerTime } from '../../../support/steered-time.ts';

beforeEach(steerTime); // nobody comes to the end of the wait for a connection

it('has 1,000 statements wait for a connection and refuses the next at once', async () => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => void sockets.add(socket.on('error', () => {})));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const connections = 3;
  const database = openDatabase({
    url: `postgres://nobody@127.0.0.1:${port}/none`,
    schema: 'public',
    applicationName: 'tests',
    maxConnections: connections,
  });
  const waiting = Array.from({ length: connections + 1_000 }, () => database.query('SELECT 1').catch((error: Error) => error));
  const tooMany = [() => database.query('SELECT 1'), () => database.connect(), () => database.transaction(async () => {})];
  for (const one of tooMany) {
    await expect(one()).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE', message: 'Too many statements wait for a connection.' });
  }
  server.close();
  for (const socket of sockets) socket.destroy();
  // Nobody waits for longer than CONNECT_TIMEOUT_MS either.
  expect(await Promise.all(waiting)).not.toContainEqual(expect.objectContaining({ code: 'DATABASE_UNAVAILABLE' }));
});
