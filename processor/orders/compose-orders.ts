// processor/orders/compose-orders.ts: composes what the processor does for the topic `orders`: reader, shell, and start offsets.
// Holds no rules.

import { randomUUIDv7 } from 'node:crypto';
import { orderDecoderFor } from '../../shared/log/codec/order-codec.ts';
import type { LogClient } from '../../shared/log/connect/client.ts';
import type { Reader } from '../../shared/log/log.ts';
import { createReader } from '../../shared/log/read/reader.ts';
import type { HealthCheck } from '../../shared/runtime/health.ts';
import { processorGroup } from '../consumer-group.ts';
import type { Claims } from '../ledger/claims.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { createStartCommits } from '../start-commits.ts';
import { noteMoves, startMoves } from './committed-offsets.ts';
import { isActing } from './partition.ts';
import { createOrderProcessor, type OrderProcessor, type ProcessOrdersOptions } from './process-orders.ts';

export interface OrderSideOptions extends Omit<ProcessOrdersOptions, 'newId' | 'decode'> {
  partitionCount: number;
  client: LogClient;
  ledger: Ledger;
  claims: Claims;
  /** CARRY_AFTER_MS (R12). */
  carryAfterMs: number;
  /** Records were read. */
  onProgress: () => void;
}

export interface OrderSide extends Pick<OrderProcessor, 'partitions'>, Pick<Reader, 'lag'> {
  start: () => Promise<void>;
  /** Decides no more and hands the partitions over. */
  stop: () => Promise<void>;
  /** To be called now and then. */
  commit: () => Promise<void>;
  checks: Readonly<Record<string, HealthCheck>>;
}

// An idle fetch returns after half a second; this much silence means that the log is out of reach.
const STALLED_AFTER_MS = 10_000;
// Pacing: under steady traffic at most this many requests per second, each with more records; after an idle spell nothing waits.
// Two appends follow one another in an order's life, so this gap counts twice in what its client waits for.
const FETCH_GAP_MS = 2;

export const createOrderSide = (options: OrderSideOptions): OrderSide => {
  const { topic, client, ledger, claims, carryAfterMs, clock, logger, onProgress, onFatal } = options;
  const processor = createOrderProcessor({ ...options, newId: randomUUIDv7, decode: orderDecoderFor(options.partitionCount) });
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
      onRecords: (partition, records) => {
        processor.onRecords(partition, records);
        onProgress();
      },
      onFatal,
    },
    minFetchGapMs: FETCH_GAP_MS,
  });
  return {
    partitions: processor.partitions,
    lag: reader.lag,
    start: reader.start,
    stop: () => {
      processor.onRevoked([...processor.partitions()].map(({ partition }) => partition));
      return reader.stop();
    },
    commit: createStartCommits({
      starts: () => startMoves(processor.partitions(), { now: clock.now(), carryAfterMs }),
      note: async (moves) => {
        await ledger.moveStarts(topic, moves);
        noteMoves(processor.partitions(), moves);
      },
      stampOf: (partition) => ledger.stampOf({ topic, partition }),
      copy: reader.commit,
      clock,
      logger,
    }),
    checks: {
      orders_ledger: claims.trouble,
      group: () => (reader.isSettled() ? null : 'waiting for its share of the partitions'),
      recovered: () => ([...processor.partitions()].every(isActing) ? null : 'still reading what is open'),
      log: () => (performance.now() - reader.lastFetchAt() < STALLED_AFTER_MS ? null : 'nothing could be read from the log for 10 s'),
    },
  };
};
