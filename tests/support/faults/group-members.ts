// tests/support/faults/group-members.ts: who is in a consumer group, as its coordinator sees it, and how to disturb it.

import { createLogClient } from '../../../shared/log/connect/client.ts';
import { createReader } from '../../../shared/log/read/reader.ts';
import { uniqueName } from '../builders/unique-name.ts';
import { eventually } from '../eventually.ts';

const silent = (): void => undefined;
const logger = { debug: silent, info: silent, warn: silent, error: silent };
const REBALANCE_LIMIT_MS = 30_000;

const clientOf = (kafka: string) => createLogClient({ brokers: kafka.split(','), clientId: uniqueName('test'), logger });

/** Resolves when the group is at rest with this many members. */
export const untilGroupHas = async (kafka: string, groupId: string, members: number): Promise<void> => {
  await clientOf(kafka).withAdmin((admin) =>
    eventually(
      async () => {
        const [group] = (await admin.describeGroups([groupId])).groups;
        return group?.state === 'Stable' && group.members.length === members;
      },
      { what: `${groupId} to have ${members} members`, timeoutMs: REBALANCE_LIMIT_MS },
    ),
  );
};

/** Somebody joins the group, is given a share, does nothing with it and leaves: two rebalances for all others. */
export const joinAndLeave = async (kafka: string, groupId: string, topic: string): Promise<void> => {
  const reader = createReader({
    client: clientOf(kafka),
    groupId,
    topic,
    minFetchGapMs: 0,
    handlers: {
      startOffsets: async (partitions) => new Map(partitions.map((partition) => [partition, 0])),
      onAssigned: () => {},
      onRevoked: () => {},
      onRecords: () => {},
      onFatal: () => {},
    },
  });
  await reader.start();
  await eventually(reader.isSettled, { what: `a share in ${groupId}`, timeoutMs: REBALANCE_LIMIT_MS });
  await reader.stop();
};
