// A link to a cluster whose brokers take the connection and then say nothing about the topics: it is given up, not waited for.

import type { Kafka } from 'kafkajs';
import { beforeEach, expect, it } from 'vitest';
import { openSocket } from '../../../../../shared/log/connect/client.ts';
import { openLink } from '../../../../../shared/log/connect/link.ts';
import { pass, steerTime } from '../../../../support/steered-time.ts';

const METADATA_MAX_MS = 5_000;

beforeEach(steerTime);

it('a broker that does not say who leads a topic is waited for for five seconds', async () => {
  const cluster = { connect: async () => {}, addMultipleTargetTopics: () => new Promise<never>(() => {}) };
  const kafka = { [Symbol('private:Kafka:createCluster')]: () => cluster } as unknown as Kafka;
  const link = openLink(openSocket, () => kafka);
  await link.cluster.connect();
  let failure: Error | null = null;
  link.cluster.addMultipleTargetTopics(['orders']).catch((error: Error) => {
    failure = error;
  });
  await pass(METADATA_MAX_MS - 100);
  expect(failure).toBeNull();
  await pass(200);
  expect(failure).toMatchObject({ message: 'No broker says who leads orders.' });
});
