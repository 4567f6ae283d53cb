// shared/runtime/append-metrics.ts: the series of the appender, for the roles that have one.

import { Histogram, type Registry } from 'prom-client';

export interface AppendRound {
  records: number;
  seconds: number;
  ok: boolean;
}

// From a local broker's fraction of a millisecond to the ten seconds after which a caller hears that the log is away.
const DURATION_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
const RECORDS_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500];

/** `log_append_duration_seconds` and `log_append_batch_records`; call what is returned after every round of the appender. */
export const createAppendMetrics = (registry: Registry): ((round: AppendRound) => void) => {
  const registers = [registry];
  const duration = new Histogram({
    name: 'log_append_duration_seconds',
    help: 'From sending a round of records to the answer of all in-sync replicas.',
    labelNames: ['outcome'],
    buckets: DURATION_BUCKETS_S,
    registers,
  });
  const records = new Histogram({
    name: 'log_append_batch_records',
    help: 'How many records share a round of the appender.',
    buckets: RECORDS_BUCKETS,
    registers,
  });
  // A series that begins with its first failure has no rate for it.
  for (const outcome of ['ok', 'failed']) duration.zero({ outcome });
  return (round) => {
    duration.observe({ outcome: round.ok ? 'ok' : 'failed' }, round.seconds);
    records.observe(round.records);
  };
};
