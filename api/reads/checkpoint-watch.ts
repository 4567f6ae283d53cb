// api/reads/checkpoint-watch.ts: asks PostgreSQL for the projector's checkpoints, as often as it matters.
// Often while a request waits for them or memory could be freed, rarely while only a checkpoint that moved backwards would be news.

import { AppError } from '../../shared/runtime/app-error.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import { createOutage } from '../../shared/runtime/outage.ts';

export type Urgency = 'awaited' | 'busy' | 'idle';

export interface CheckpointWatchOptions {
  checkpoints: () => Promise<ReadonlyMap<number, number>>;
  onCheckpoints: (checkpoints: ReadonlyMap<number, number>) => void;
  urgency: () => Urgency;
  logger: Logger;
  onFatal: (error: Error) => void;
}

export interface CheckpointWatch {
  start: () => void;
  stop: () => void;
  /** The urgency may have risen. */
  hurry: () => void;
  /** Readiness: null, or that the read model does not answer. */
  check: () => string | null;
}

// One statement over a dozen rows, some 100 µs of PostgreSQL. The projector commits every few tens of milliseconds.
const INTERVAL_MS: Readonly<Record<Urgency, number>> = { awaited: 10, busy: 200, idle: 2_000 };
const FAILING_INTERVAL_MS = 500;
const SILENT_AFTER_MS = 10_000;

/** One question at a time, so that answers come in the order of the database's states. */
export const createCheckpointWatch = ({
  checkpoints,
  onCheckpoints,
  urgency,
  logger,
  onFatal,
}: CheckpointWatchOptions): CheckpointWatch => {
  let timer: NodeJS.Timeout | null = null;
  let dueAt = Infinity;
  let asking = false;
  let running = false;
  const outage = createOutage(logger, "reading the projector's checkpoints");
  let failing = false;
  let answeredAt = performance.now();

  const schedule = (): void => {
    if (!running || asking) return;
    const due = performance.now() + (failing ? FAILING_INTERVAL_MS : INTERVAL_MS[urgency()]);
    if (due >= dueAt) return;
    if (timer !== null) clearTimeout(timer);
    dueAt = due;
    timer = setTimeout(ask, due - performance.now());
  };

  const ask = (): void => {
    timer = null;
    dueAt = Infinity;
    asking = true;
    checkpoints()
      .then(answered, failed)
      .catch(onFatal)
      .finally(() => {
        asking = false;
        schedule();
      });
  };
  const answered = (found: ReadonlyMap<number, number>): void => {
    if (!running) return;
    outage.over();
    failing = false;
    answeredAt = performance.now();
    onCheckpoints(found);
  };
  const failed = (error: unknown): void => {
    if (!running) return;
    if (!(error instanceof AppError && error.retryable)) throw error;
    outage.failed(error);
    failing = true;
  };

  return {
    start: () => {
      running = true;
      schedule();
    },
    stop: () => {
      running = false;
      if (timer !== null) clearTimeout(timer);
    },
    hurry: schedule,
    check: () => (performance.now() - answeredAt > SILENT_AFTER_MS || failing ? 'The read model does not answer.' : null),
  };
};
