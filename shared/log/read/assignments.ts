// shared/log/read/assignments.ts: which partitions a reader has, as its group says, and where it begins in those that are new.

import type { Assignment, ReaderHandlers } from '../log.ts';
import { type AssignedPartition, beginAt, justAssigned } from './assigned-partition.ts';
import type { FindStarts } from './start-offsets.ts';

export interface AssignmentsOptions {
  /** Changed by this and by the reader, which delivers from it. */
  assigned: Map<number, AssignedPartition>;
  /** It keeps its positions also when the group has forgotten it. */
  soleMember: boolean;
  handlers: Pick<ReaderHandlers, 'onAssigned' | 'onRevoked'>;
  findStarts: FindStarts;
  isEnded: () => boolean;
  /** Runs a step of the reader, whose errors end it. */
  guarded: (step: () => void) => void;
  /** There may be something else to fetch. */
  onChange: () => void;
  fatal: (error: unknown) => void;
}

/** The group's answer: these partitions and no others. `rejoined`: the member kept its place, and so its partitions. */
export type Assign = (partitions: number[], rejoined: boolean) => void;

export const createAssignments = (options: AssignmentsOptions): Assign => {
  const { assigned, soleMember, handlers, findStarts, isEnded, guarded, onChange, fatal } = options;

  // Only the latest assignment counts: a state that is no longer in the map is forgotten, whatever was being found out for it.
  const assign: Assign = (partitions, rejoined) => {
    const kept = (partition: number) => (rejoined || soleMember) && partitions.includes(partition);
    const revoked = [...assigned.keys()].filter((partition) => !kept(partition));
    for (const partition of revoked) assigned.delete(partition);
    if (revoked.length > 0) handlers.onRevoked(revoked);
    const fresh = partitions.filter((partition) => !assigned.has(partition)).map(justAssigned);
    for (const state of fresh) assigned.set(state.partition, state);
    if (fresh.length > 0) begin(fresh).catch(fatal);
    onChange();
  };

  const isCurrent = (state: AssignedPartition): boolean => !isEnded() && assigned.get(state.partition) === state;

  const begin = async (fresh: AssignedPartition[]): Promise<void> => {
    const found = await findStarts(
      fresh.map(({ partition }) => partition),
      () => fresh.some(isCurrent),
    );
    if (found !== null) guarded(() => open(fresh.filter(isCurrent), found));
  };

  const open = (states: AssignedPartition[], found: Map<number, Assignment>): void => {
    const assignments = beginAt(states, found);
    if (assignments.length > 0) handlers.onAssigned(assignments);
    onChange();
  };

  return assign;
};
