// shared/log/read/group-members.ts: who reads a topic now, by consumer groups, as their coordinators see it.

import { AssignerProtocol } from 'kafkajs';
import type { LogClient } from '../connect/client.ts';

/**
 * Group → its members that read one of the topics; of the groups that `isMeant` takes, those with any. A member that died without
 * leaving counts until its session is over (6 s).
 */
export const readersOf = (
  client: LogClient,
  topics: readonly string[],
  isMeant: (groupId: string) => boolean,
): Promise<Map<string, number>> =>
  client.withAdmin(async (admin) => {
    const meant = (await admin.listGroups()).groups.map(({ groupId }) => groupId).filter(isMeant);
    const readers = new Map<string, number>();
    if (meant.length === 0) return readers;
    for (const { groupId, members } of (await admin.describeGroups(meant)).groups) {
      const count = members.filter(({ memberMetadata }) => subscribed(memberMetadata).some((topic) => topics.includes(topic))).length;
      if (count > 0) readers.set(groupId, count);
    }
    return readers;
  });

/** A member that is still joining has said nothing yet. */
const subscribed = (metadata: Buffer): readonly string[] =>
  metadata.length === 0 ? [] : (AssignerProtocol.MemberMetadata.decode(metadata)?.topics ?? []);
