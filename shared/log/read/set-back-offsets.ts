// shared/log/read/set-back-offsets.ts: writes offsets for a consumer group that has no members, as an operator's tool may.
// A group with members takes offsets from them alone.

import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../runtime/app-error.ts';
import { reasonOf } from '../../runtime/outage.ts';
import type { LogClient } from '../connect/client.ts';
import type { GroupOffset } from '../log.ts';

const NO_GENERATION = -1;
const HAS_MEMBERS = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'REBALANCE_IN_PROGRESS']);
// A member that was killed counts as one until its session is over, 6 s (SESSION_TIMEOUT_MS of group.ts); one that is ended and started again
// leaves a second between.
const MEMBERS_GONE_MAX_MS = 10_000;
const RETRY_MS = 200;

/** Rejects with ROLES_RUNNING when the group has members all the time, and with LOG_UNAVAILABLE; then nothing was written. */
export const setBackOffsets = async (
  client: LogClient,
  groupId: string,
  topic: string,
  offsets: ReadonlyMap<number, GroupOffset>,
): Promise<void> => {
  const partitions = Array.from(offsets, ([partition, { offset, metadata }]) => ({ partition, offset: String(offset), metadata }));
  const link = client.openLink();
  try {
    await link.cluster.connect();
    for (const deadline = performance.now() + MEMBERS_GONE_MAX_MS; ; await delay(RETRY_MS)) {
      const coordinator = await link.cluster.findGroupCoordinator({ groupId });
      try {
        await coordinator.offsetCommit({ groupId, groupGenerationId: NO_GENERATION, memberId: '', topics: [{ topic, partitions }] });
        return;
      } catch (error) {
        if (!HAS_MEMBERS.has(String((error as { type?: unknown }).type))) throw error;
        if (performance.now() > deadline)
          throw new AppError('ROLES_RUNNING', `The group ${groupId} has members: stop all processors. Nothing was changed.`, error);
      }
    }
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('LOG_UNAVAILABLE', `The offsets of the group ${groupId} could not be written: ${reasonOf(error)}`, error);
  } finally {
    link.destroy();
  }
};
