// processor/orders/committed-offsets.ts: what a processor commits to Kafka for its successor: a start offset (R6) and its log time.
// Without the log time the successor could not tell a late duplicate from a new order (R5).

import type { StartMove } from '../ledger/ledger.ts';
import { type CarryRule, noteStored, planStart } from './carried-orders.ts';
import { type Partition, readMarkOf } from './partition.ts';

/** What to commit for partitions that are being acted on; one that still recovers keeps what its predecessor left. */
export const startMoves = (partitions: Iterable<Partition>, rule: CarryRule): Map<number, StartMove> => {
  const moves = new Map<number, StartMove>();
  for (const partition of partitions) {
    if (partition.position >= partition.actFrom)
      moves.set(partition.partition, { ...planStart(partition, rule), mark: readMarkOf(partition) });
  }
  return moves;
};

/** These moves were made. None is of an ownership before: a partition that comes back is claimed behind the answer to them (fences.ts). */
export const noteMoves = (partitions: Iterable<Partition>, moves: ReadonlyMap<number, StartMove>): void => {
  for (const partition of partitions) {
    const move = moves.get(partition.partition);
    if (move) noteStored(partition, move);
  }
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
