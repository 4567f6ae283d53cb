// tests/integration/recovery/lost-topic.ts: how a topic is lost, and what is needed to restore it.

import { inject } from 'vitest';
import { type RestoreLogOptions, type RestoreLogResult, restoreLog } from '../../../projector/restore/restore-log.ts';
import type { LogClient } from '../../../shared/log/connect/client.ts';
import type { LogRecord } from '../../../shared/log/log.ts';
import { exactHeadersOf } from '../../../shared/log/protocol/exact-headers.ts';
import { eventually } from '../../support/eventually.ts';
import { PARTITIONS, type Projection } from '../projector/projection.ts';

export const topicNames = (client: LogClient): Promise<string[]> => client.withAdmin((admin) => admin.listTopics());

export const deleteTopic = async (client: LogClient, topic: string): Promise<void> => {
  await client.withAdmin((admin) => admin.deleteTopics({ topics: [topic] }));
  await eventually(async () => !(await topicNames(client)).includes(topic), { what: `${topic} to be gone` });
};

/** From the archive of a projection's read model. */
export const restoreTopic = (
  { client, topic, database }: Projection,
  options: Partial<RestoreLogOptions> = {},
): Promise<RestoreLogResult> =>
  restoreLog({
    client,
    topic: { name: topic, partitions: PARTITIONS },
    settings: { replicationFactor: 1, minInsyncReplicas: 1 },
    databaseUrl: inject('stack').database,
    schema: database.schema,
    from: database.schema,
    isRole: (groupId) => groupId === `${topic}.projector`,
    dryRun: false,
    beforeAppending: async () => {},
    ...options,
  });

/** Position and bytes of each, in the order of the log. */
export const bytesOf = (records: readonly LogRecord[]) =>
  records
    .toSorted((a, b) => a.partition - b.partition || a.offset - b.offset)
    .map(({ partition, offset, key, value, ...headers }) => ({ partition, offset, key, value, headers: exactHeadersOf(headers) }));
