// processor/committed-offsets.ts: what a processor leaves behind for its successor in a partition: where to start reading
// (R6), and the log time there, without which the successor could not tell a late twin from a new order (R5).

import type { GroupOffset } from '../shared/log/log.ts';
import { offsetToCommit, type Partition } from './partition.ts';

/** What to commit for partitions that are being acted on; one that still recovers keeps what its predecessor left. */
export const groupOffsets = (partitions: Iterable<Partition>): Map<number, GroupOffset> => {
  const offsets = new Map<number, GroupOffset>();
  for (const partition of partitions) {
    if (partition.position < partition.actFrom) continue;
    offsets.set(partition.partition, { offset: offsetToCommit(partition), metadata: `logtime=${partition.logTime}` });
  }
  return offsets;
};

/**
 * The log time to start with. At the beginning of the log nothing came before; without a note from a predecessor it is
 * unknown, and infinity makes the processor look up every id.
 */
export const logTimeOf = (startOffset: number, metadata: string | null): number => {
  if (startOffset === 0) return 0;
  const noted = /^logtime=(\d+)$/.exec(metadata ?? '');
  return noted ? Number(noted[1]) : Infinity;
};
