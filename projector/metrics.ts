// projector/metrics.ts: the projector's series (design section 6).
// What one instance does is counted here; what the read model says is the same from every instance and is read from its tables at scrape
// time (read-model-status.ts).

import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { DEAD_LETTER_REASONS, type DeadLetterReason } from '../shared/log/codec/envelope.ts';
import type { Batch } from './project.ts';
import type { OrderProjector } from './project-orders.ts';

export interface ProjectorMetrics {
  committed: (batch: Batch, seconds: number) => void;
  deadLetter: (reason: DeadLetterReason) => void;
  /** Adds the gauges that look at a running projector. */
  watch: (projector: Pick<OrderProjector, 'lag' | 'oldestWaiting'>, now: () => number) => void;
}

const BATCH_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];
const DURATION_BUCKETS_S = [0.01, 0.1, 0.5, 1, 2, 2.1, 2.25, 2.5, 3, 5, 10, 30, 60, 300];

export const createProjectorMetrics = (registry: Registry): ProjectorMetrics => {
  const registers = [registry];
  const events = new Counter({
    name: 'projector_events_total',
    help: 'Records of the log that were projected, by type and by what they did.',
    labelNames: ['type', 'effect'],
    registers,
  });
  const batches = new Histogram({
    name: 'projector_batch_duration_seconds',
    help: 'From taking a batch to the end of its transaction.',
    buckets: BATCH_BUCKETS_S,
    registers,
  });
  const deadLetters = new Counter({
    name: 'dead_letters_total',
    help: 'Records that could not be decoded, by reason.',
    labelNames: ['reason'],
    registers,
  });
  const processing = new Histogram({
    name: 'order_processing_duration_seconds',
    help: 'How long completed orders were in processing.',
    buckets: DURATION_BUCKETS_S,
    registers,
  });
  const completion = new Histogram({
    name: 'order_completion_duration_seconds',
    help: 'From the creation of completed orders to their completion.',
    buckets: DURATION_BUCKETS_S,
    registers,
  });

  // A series that begins with its first event has no rate for it.
  for (const reason of DEAD_LETTER_REASONS) deadLetters.inc({ reason }, 0);

  const committed = (batch: Batch, seconds: number): void => {
    batches.observe(seconds);
    const counts = new Map<string, Map<string, number>>();
    for (const { type, effect } of batch.archive) {
      const effects = counts.get(type ?? 'none') ?? new Map<string, number>();
      counts.set(type ?? 'none', effects);
      effects.set(effect, (effects.get(effect) ?? 0) + 1);
    }
    for (const [type, effects] of counts) for (const [effect, count] of effects) events.inc({ type, effect }, count);
    for (const { before, after } of batch.changes) {
      const { createdAt, processingStartedAt, completedAt } = after.order;
      if (completedAt === null || (before !== null && before.order.completedAt !== null)) continue;
      completion.observe((completedAt - createdAt) / 1000);
      if (processingStartedAt !== null) processing.observe((completedAt - processingStartedAt) / 1000);
    }
  };

  const watch: ProjectorMetrics['watch'] = (projector, now) => {
    new Gauge({
      name: 'projector_lag_events',
      help: 'Records of this projector’s partitions that the read model does not contain yet.',
      labelNames: ['partition'],
      registers,
      collect() {
        this.reset();
        for (const [partition, count] of projector.lag()) this.set({ partition: String(partition) }, count);
      },
    });
    new Gauge({
      name: 'projector_lag_seconds',
      help: 'Age of the oldest record that waits in this projector; 0 when none does.',
      registers,
      collect() {
        const oldest = projector.oldestWaiting();
        this.set(oldest === null ? 0 : Math.max(0, (now() - oldest) / 1000));
      },
    });
  };
  return { committed, deadLetter: (reason) => deadLetters.inc({ reason }), watch };
};
