// Which broker is asked, and for how long, when brokers take no connection: a user comes to the next one in any case.

import { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { createLogClient } from '../../../../../shared/log/connect/client.ts';
import { eventually } from '../../../../support/eventually.ts';
import { pass, steerTime } from '../../../../support/steered-time.ts';

const silent = (): void => undefined;
const logger = { debug: silent, info: silent, warn: silent, error: silent };

const CONNECTION_TIMEOUT_MS = 3_000;

/** Brokers that are never connected, and which of them were asked. */
const clientOf = (...brokers: string[]) => {
  const asked: string[] = [];
  const client = createLogClient({
    brokers,
    clientId: 'tests',
    logger,
    socketFactory: ({ host, port }) => {
      asked.push(`${host}:${port}`);
      return new Socket();
    },
  });
  return { client, asked };
};

it('each link begins with the next broker of the list', async () => {
  const { client, asked } = clientOf('a:1', 'b:2', 'c:3');
  for (let n = 0; n < 4; n += 1) {
    const link = client.openLink();
    link.cluster.connect().catch(silent);
    await eventually(() => asked.length === n + 1, { what: 'a connection attempt' });
    link.destroy();
  }
  expect(asked).toEqual(['a:1', 'b:2', 'c:3', 'a:1']);
});

it('a broker that takes no connection is passed over after three seconds', async () => {
  const { client, asked } = clientOf('a:1', 'b:2');
  const release = steerTime();
  const link = client.openLink();
  link.cluster.connect().catch(silent);
  await pass(CONNECTION_TIMEOUT_MS - 100);
  expect(asked).toEqual(['a:1']);
  await pass(500); // kafkajs pauses before the next
  expect(asked).toEqual(['a:1', 'b:2']);
  link.destroy();
  release();
});
