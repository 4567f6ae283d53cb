// Asking for the end of the log while brokers hang: how long callers wait, and which broker is asked next.

import { beforeEach, describe, expect, it } from 'vitest';
import type { LogClient } from '../../../../../shared/log/connect/client.ts';
import type { Cluster } from '../../../../../shared/log/connect/kafkajs-internals.ts';
import type { Link } from '../../../../../shared/log/connect/link.ts';
import { createLogEnd } from '../../../../../shared/log/topics/offsets.ts';
import { pass, steerTime } from '../../../../support/steered-time.ts';

const ASK_MAX_MS = 5_000;
const ATTEMPT_MAX_MS = 3_000;
const HANGS = new Promise<never>(() => {});

/** How the nth link behaves; the last one stays. */
type Behaviour = 'connects never' | 'answers never' | 'answers';

const clientOf = (...behaviours: Behaviour[]) => {
  const links: { behaviour: Behaviour; destroyed: boolean }[] = [];
  const openLink = (): Link => {
    const link = { behaviour: behaviours[Math.min(links.length, behaviours.length - 1)]!, destroyed: false };
    links.push(link);
    const answer = { answers: [{ partition: 0, errorCode: 0, offset: 7 }] };
    const cluster = {
      connect: () => (link.behaviour === 'connects never' ? HANGS : Promise.resolve()),
      addMultipleTargetTopics: async () => {},
      findTopicPartitionMetadata: () => [{ partitionId: 0, leader: 1, replicas: [1] }],
      findBroker: async () => ({
        connectionPool: { getConnection: async () => ({ send: () => (link.behaviour === 'answers' ? Promise.resolve(answer) : HANGS) }) },
      }),
    } as unknown as Cluster;
    return {
      cluster,
      destroy: () => {
        link.destroyed = true;
      },
    };
  };
  return { client: { openLink } as LogClient, links };
};
const outcomeOf = (asked: Promise<unknown>): (() => unknown) => {
  let outcome: unknown = 'nothing';
  asked.then(
    (ends) => {
      outcome = ends;
    },
    (error: { code?: string }) => {
      outcome = error.code;
    },
  );
  return () => outcome;
};
const ENDS = new Map([[0, { low: 7, high: 7 }]]);

describe('the end of the log', () => {
  beforeEach(steerTime);

  it.each<Behaviour>(['connects never', 'answers never'])(
    'is not waited for longer than five seconds when a broker %s',
    async (behaviour) => {
      const { client, links } = clientOf(behaviour);
      const end = createLogEnd(client, 'orders');
      const outcome = outcomeOf(end.ask());
      await pass(ASK_MAX_MS - 500);
      expect(outcome()).toBe('nothing');
      await pass(600);
      expect(outcome()).toBe('LOG_UNAVAILABLE');
      expect(links.map(({ destroyed }) => destroyed)).toEqual([true, true]);
      end.stop();
    },
  );

  it('is asked for over new connections when one hangs for three seconds', async () => {
    const { client, links } = clientOf('connects never', 'answers');
    const end = createLogEnd(client, 'orders');
    const outcome = outcomeOf(end.ask());
    await pass(ATTEMPT_MAX_MS + 500);
    expect(outcome()).toEqual(ENDS);
    expect(links.map(({ destroyed }) => destroyed)).toEqual([true, false]);
    end.stop();
  });

  it('is known to the next caller as soon as a broker answers again', async () => {
    const { client } = clientOf('answers never', 'answers never', 'answers');
    const end = createLogEnd(client, 'orders');
    const first = outcomeOf(end.ask());
    await pass(100);
    const next = outcomeOf(end.ask()); // behind the first, whatever becomes of it
    await pass(ASK_MAX_MS);
    expect([first(), next()]).toEqual(['LOG_UNAVAILABLE', ENDS]);
    end.stop();
  });
});
