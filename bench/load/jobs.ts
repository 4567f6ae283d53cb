// bench/load/jobs.ts: what the bench asks of the load process, and what it hears from it.
// Messages over the channel of a forked process.

import type { LoadOptions, LoadResult, Progress } from './load-generator.ts';
import type { Observed, ObserverOptions } from './order-observer.ts';

export type Job =
  | ({ kind: 'closed' } & LoadOptions)
  | ({ kind: 'open'; rate: number } & LoadOptions)
  | ({ kind: 'observed'; rate: number; observer: ObserverOptions } & LoadOptions);

export type JobResult = LoadResult & { observed: Observed | null };

export type LoadMessage =
  /** The measured time begins. `backends`: PostgreSQL processes that work for the load process. */
  | { event: 'measuring'; backends: number[] }
  | { event: 'measured' }
  | ({ event: 'progress' } & Progress)
  | { event: 'done'; result: JobResult }
  | { event: 'failed'; reason: string };
