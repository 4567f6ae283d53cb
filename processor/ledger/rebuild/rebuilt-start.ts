// processor/ledger/rebuild/rebuilt-start.ts: where the owner of a partition starts reading after a rebuild (R6).
// Never beyond the end of the log: an owner that starts there decides nothing until the log has grown past it, and then not what lies between.
// Pure.

import type { CommittedOffsets, Start } from '../ledger.ts';
import type { Ends, LedgerTopics } from './read-log.ts';
import type { Refold } from './refold.ts';

export interface StartChoice {
  /** By the fold: the oldest open order or unanswered request, at most the end. */
  needed: number;
  /** What Kafka has noted; 0: nothing. */
  copy: number;
  /** The log's. */
  end: number;
  /** All that the ledger and the read model have is in the log, at the offsets at which they have read it. */
  isWhole: boolean;
}

/**
 * Not below the copy of the same log, which its owner knew to be enough: below, the ledger would look like a restored database (R8). A copy
 * that was noted in a log which has lost something since says nothing about this one, and has to be set back.
 */
export const rebuiltStart = ({ needed, copy, end, isWhole }: StartChoice): number =>
  isWhole && copy <= end ? Math.max(needed, copy) : needed;

export interface RebuiltStart extends Start {
  topic: string;
  partition: number;
}

interface StartsOptions {
  topics: LedgerTopics;
  to: Ends;
  refold: Refold;
  copies: CommittedOffsets;
  /** Of a partition. */
  isWhole: (topic: string, partition: number) => boolean;
}

/** Of every partition that there is. */
export const rebuiltStarts = ({ topics, to, refold, copies, isWhole }: StartsOptions): RebuiltStart[] => {
  const startIn = (topic: string, partition: number, end: number, needed: number): number =>
    rebuiltStart({ needed, copy: copies.get(topic)?.get(partition)?.offset ?? 0, end, isWhole: isWhole(topic, partition) });
  const orders = Array.from(to.orders, ([partition, end]): RebuiltStart => {
    const { startOffset, logTime } = refold.orderPartition(partition, end);
    const offset = startIn(topics.orders, partition, end, startOffset);
    return { topic: topics.orders, partition, offset, note: `logtime=${logTime}` };
  });
  const products = Array.from(to.products, ([partition, end]): RebuiltStart => {
    const offset = startIn(topics.products, partition, end, refold.productPartition(partition, end));
    return { topic: topics.products, partition, offset, note: null };
  });
  return [...orders, ...products];
};
