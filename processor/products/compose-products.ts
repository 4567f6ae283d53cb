// processor/products/compose-products.ts: composes what the processor does for the topic `products`: reader, shell, dead letters, offsets.
// Holds no rules.

import type { DeadLetterReason } from '../../shared/log/codec/envelope.ts';
import { productDecoderFor } from '../../shared/log/codec/product-codec.ts';
import type { LogClient } from '../../shared/log/connect/client.ts';
import { createDeadLetters } from '../../shared/log/dead-letters/dead-letters.ts';
import { createSetAside } from '../../shared/log/dead-letters/set-aside.ts';
import type { Appender } from '../../shared/log/log.ts';
import { createReader } from '../../shared/log/read/reader.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { HealthCheck } from '../../shared/runtime/health.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import { processorGroup } from '../consumer-group.ts';
import type { Claims } from '../ledger/claims.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { createStartCommits } from '../start-commits.ts';
import { createProductProcessor } from './process-products.ts';

export interface ProductSideOptions {
  topic: string;
  partitionCount: number;
  deadLetterTopic: string;
  client: LogClient;
  /** Knows both topics. */
  appender: Appender;
  ledger: Ledger;
  claims: Claims;
  clock: Clock;
  logger: Logger;
  onDeadLetter: (reason: DeadLetterReason) => void;
  onFatal: (error: unknown) => void;
}

export interface ProductSide {
  start: () => Promise<void>;
  /** Decides no more and hands the partitions over. */
  stop: () => Promise<void>;
  /** To be called now and then. */
  commit: () => Promise<void>;
  checks: Readonly<Record<string, HealthCheck>>;
}

// Changes of the catalogue are few; a client that waits for one waits this long once or twice.
const FETCH_GAP_MS = 5;

export const createProductSide = (options: ProductSideOptions): ProductSide => {
  const { topic, deadLetterTopic, client, appender, ledger, claims, clock, logger, onDeadLetter, onFatal } = options;
  const deadLetter = createDeadLetters(appender, deadLetterTopic).append;
  const setAside = createSetAside({ deadLetter, onDeadLetter, logger });
  const decode = productDecoderFor(options.partitionCount);
  const processor = createProductProcessor({ topic, appender, ledger, decode, setAside, clock, logger, onFatal });
  const reader = createReader({
    client,
    groupId: processorGroup(topic),
    topic,
    handlers: {
      startOffsets: claims.startOffsets,
      onAssigned: (assignments) => processor.onAssigned(assignments.map(claims.noted)),
      onRevoked: (partitions) => {
        claims.revoked(partitions);
        processor.onRevoked(partitions);
      },
      onRecords: processor.onRecords,
      onFatal,
    },
    minFetchGapMs: FETCH_GAP_MS,
  });
  return {
    start: reader.start,
    stop: () => {
      processor.onRevoked([...processor.positions().keys()]);
      return reader.stop();
    },
    // The ledger has moved them with the records themselves: these are the copies, and a look whether it still has them.
    commit: createStartCommits({
      starts: processor.positions,
      note: (positions) => ledger.confirm(topic, [...positions.keys()]),
      stampOf: (partition) => ledger.stampOf({ topic, partition }),
      copy: reader.commit,
      clock,
      logger,
    }),
    checks: {
      products_ledger: claims.trouble,
      products: () => (reader.isSettled() ? null : 'waiting for its share of the products'),
    },
  };
};
