// shared/log/topics/topics.ts: creates the topics that are missing and checks that all of them are as the configuration says.
// Never changes an existing topic: another partition count would give keys a new order, a retention would delete the truth.

import { setTimeout as delay } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import { AppError } from '../../runtime/app-error.ts';
import { createOutage } from '../../runtime/outage.ts';
import type { LogClient, LogLogger } from '../connect/client.ts';
import { COMPRESSION, type Difference, differencesOf, settingsOf, type WantedTopics } from './differences.ts';
import { observeTopics } from './observe-topics.ts';

export interface TopicsOptions extends WantedTopics {
  client: LogClient;
  /** The client's, unless given. */
  logger?: LogLogger;
  /** How long to wait for brokers and leaders, in milliseconds. */
  waitMaxMs?: number;
}

const WAIT_MAX_MS = 60_000; // a broker that starts together with us needs seconds, one that recovers its log a minute
const RETRY_MIN_MS = 100; // a topic just created needs some tenths of a second
const RETRY_MAX_MS = 2_000;
const CREATE_TIMEOUT_MS = 5_000;

/**
 * Creates the topics that are missing and checks all of them; resolves when every partition has a leader. Several processes may do
 * so at once, and with differences that a role can live with: those it resolves with. Rejects with TOPIC_MISCONFIGURED, naming every other
 * one, with SECURITY_MISMATCH, or with LOG_UNAVAILABLE after `waitMaxMs`.
 */
export const ensureTopics = async ({
  client,
  logger = client.logger,
  waitMaxMs = WAIT_MAX_MS,
  ...wanted
}: TopicsOptions): Promise<Difference[]> => {
  const deadline = performance.now() + waitMaxMs;
  // Usual whatever it is: roles and broker start together.
  const outage = createOutage(logger, 'preparing the topics', { isUsual: () => true });
  for (let pauseMs = RETRY_MIN_MS; ; pauseMs = Math.min(pauseMs * 2, RETRY_MAX_MS)) {
    try {
      const found = await client.withAdmin(async (admin) => {
        await createMissing(admin, wanted);
        const observed = await observeTopics(admin, wanted);
        if (observed.length < wanted.topics.length) throw new Error('a new topic is not known to every broker yet');
        return differencesOf(wanted, observed);
      });
      refuse(found.filter(({ gravity }) => gravity === 'wrong'));
      outage.over();
      return found;
    } catch (error) {
      if (error instanceof AppError) throw error;
      const mismatch = await client.securityMismatch(error);
      if (mismatch !== null) throw mismatch;
      if (performance.now() > deadline) throw new AppError('LOG_UNAVAILABLE', `Kafka was not ready for ${waitMaxMs / 1000} s.`, error);
      outage.failed(error);
      await delay(pauseMs);
    }
  }
};

/** Of new topics only: older ones work with what they have, unless a writer's clock is an hour ahead (docs/decisions/0010). */
const settingsOfNew = (wanted: WantedTopics): Record<string, string> => ({
  ...settingsOf(wanted),
  // Kafka refuses what is stamped more than an hour ahead of its own clock: a wrong clock would stop its writer (R10).
  'message.timestamp.type': 'LogAppendTime',
  // As we send them: with another value of its own, the broker compresses every record again.
  [COMPRESSION]: 'producer',
});

const createMissing = async (admin: Admin, wanted: WantedTopics): Promise<void> => {
  const existing = new Set(await admin.listTopics());
  const missing = wanted.topics.filter(({ name }) => !existing.has(name));
  if (missing.length === 0) return;
  // Resolves with false, instead of failing, if another process was faster.
  await admin.createTopics({
    waitForLeaders: false,
    timeout: CREATE_TIMEOUT_MS,
    topics: missing.map(({ name, partitions }) => ({
      topic: name,
      numPartitions: partitions,
      replicationFactor: wanted.replicationFactor,
      configEntries: Object.entries(settingsOfNew(wanted)).map(([setting, value]) => ({ name: setting, value })),
    })),
  });
};

const refuse = (found: readonly Difference[]): void => {
  if (found.length === 0) return;
  const all = found.map(({ what }) => what).join('; ');
  throw new AppError('TOPIC_MISCONFIGURED', `The topics are not as configured; nothing was changed. ${all}.`);
};
