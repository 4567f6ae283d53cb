// shared/log/topics/topics.ts: creates the topics that are missing and checks that all of them are as the configuration says.
// Never changes an existing topic: another partition count would give keys a new order, a retention would delete the truth.

import { setTimeout as delay } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import { AppError } from '../../runtime/app-error.ts';
import { createOutage } from '../../runtime/outage.ts';
import type { LogClient, LogLogger } from '../connect/client.ts';

export interface TopicsOptions {
  client: LogClient;
  topics: readonly { name: string; partitions: number }[];
  replicationFactor: number;
  minInsyncReplicas: number;
  /** The client's, unless given. */
  logger?: LogLogger;
  /** How long to wait for brokers and leaders, in milliseconds. */
  waitMaxMs?: number;
}

const WAIT_MAX_MS = 60_000; // a broker that starts together with us needs seconds, one that recovers its log a minute
const RETRY_MIN_MS = 100; // a topic just created needs some tenths of a second
const RETRY_MAX_MS = 2_000;
const CREATE_TIMEOUT_MS = 5_000;
const TOPIC_RESOURCE = 2; // kafkajs.ConfigResourceTypes.TOPIC, which it does not export to ES modules

/**
 * Creates the topics that are missing and checks all of them; resolves when every partition has a leader. Several processes may do
 * so at once. Rejects with TOPIC_MISCONFIGURED, naming every difference, with SECURITY_MISMATCH, or with LOG_UNAVAILABLE after `waitMaxMs`.
 */
export const ensureTopics = async ({
  client,
  logger = client.logger,
  waitMaxMs = WAIT_MAX_MS,
  ...wanted
}: TopicsOptions): Promise<void> => {
  const deadline = performance.now() + waitMaxMs;
  // Usual whatever it is: roles and broker start together.
  const outage = createOutage(logger, 'preparing the topics', { isUsual: () => true });
  for (let pauseMs = RETRY_MIN_MS; ; pauseMs = Math.min(pauseMs * 2, RETRY_MAX_MS)) {
    try {
      await client.withAdmin(async (admin) => {
        await createMissing(admin, wanted);
        refuse(await differences(admin, wanted));
        for (const { name } of wanted.topics) await admin.fetchTopicOffsets(name); // which only a leader that is ready answers
      });
      return outage.over();
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

type Wanted = Pick<TopicsOptions, 'topics' | 'replicationFactor' | 'minInsyncReplicas'>;

const settingsOf = ({ minInsyncReplicas }: Wanted): Record<string, string> => ({
  'cleanup.policy': 'delete', // not compact, which would keep only the last event of an order
  'retention.ms': '-1',
  'retention.bytes': '-1',
  'min.insync.replicas': String(minInsyncReplicas),
});

// What else a broker can make of our records, no reader opens: acknowledged orders would be set aside (docs/decisions/0016).
const COMPRESSION = 'compression.type';
const COMPRESSIONS_READ = ['producer', 'uncompressed', 'gzip', 'zstd'];

/** Of new topics only: older ones work with what they have, unless a writer's clock is an hour ahead (docs/decisions/0010). */
const settingsOfNew = (wanted: Wanted): Record<string, string> => ({
  ...settingsOf(wanted),
  // Kafka refuses what is stamped more than an hour ahead of its own clock: a wrong clock would stop its writer (R10).
  'message.timestamp.type': 'LogAppendTime',
  // As we send them: with another value of its own, the broker compresses every record again.
  [COMPRESSION]: 'producer',
});

const createMissing = async (admin: Admin, wanted: Wanted): Promise<void> => {
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

const differences = async (admin: Admin, wanted: Wanted): Promise<string[]> => {
  const found: string[] = [];
  const differs = (topic: string, setting: string, is: unknown, should: unknown) => {
    if (is !== should) found.push(`${topic}: ${setting} is ${is}, wanted ${should}`);
  };
  const names = wanted.topics.map(({ name }) => name);
  const { topics } = await admin.fetchTopicMetadata({ topics: names });
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: names.map((name) => ({ type: TOPIC_RESOURCE, name, configNames: [...Object.keys(settingsOf(wanted)), COMPRESSION] })),
  });
  for (const { name, partitions } of wanted.topics) {
    const has = topics.find((topic) => topic.name === name)?.partitions ?? [];
    if (has.some(({ leader }) => leader < 0)) throw new Error(`${name} has partitions without a leader`);
    differs(name, 'partitions', has.length, partitions);
    differs(name, 'replication factor', Math.min(...has.map(({ replicas }) => replicas.length)), wanted.replicationFactor);
    const entries = resources.find(({ resourceName }) => resourceName === name)?.configEntries ?? [];
    const settingOf = (setting: string) => entries.find(({ configName }) => configName === setting)?.configValue;
    for (const [setting, should] of Object.entries(settingsOf(wanted))) differs(name, setting, settingOf(setting), should);
    const compression = settingOf(COMPRESSION);
    if (!COMPRESSIONS_READ.some((read) => read === compression)) differs(name, COMPRESSION, compression, COMPRESSIONS_READ.join(' or '));
  }
  return found;
};

const refuse = (found: readonly string[]): void => {
  if (found.length === 0) return;
  throw new AppError('TOPIC_MISCONFIGURED', `The topics are not as configured; nothing was changed. ${found.join('; ')}.`);
};
