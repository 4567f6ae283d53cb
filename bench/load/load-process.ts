// bench/load/load-process.ts: the load generator as a process of its own, so that its CPU time is told apart from the system's.
// Run by load-client.ts; does one job at a time and ends with its parent.

import type { Job, JobResult, LoadMessage } from './jobs.ts';
import { closedLoop, type LoadHooks, openLoop } from './load-generator.ts';
import { createOrderObserver } from './order-observer.ts';

const tell = (message: LoadMessage): void => void process.send!(message);
const onProgress: NonNullable<LoadHooks['onProgress']> = (progress) => tell({ event: 'progress', ...progress });
const onMeasuring = (): void => tell({ event: 'measuring', backends: [] });
const onMeasured = (): void => tell({ event: 'measured' });

const perform = async (job: Job): Promise<JobResult> => {
  switch (job.kind) {
    case 'closed':
      return { ...(await closedLoop(job, { onMeasuring, onMeasured, onProgress })), observed: null };
    case 'open':
      return { ...(await openLoop(job, { onMeasuring, onMeasured, onProgress })), observed: null };
    case 'observed': {
      const observer = await createOrderObserver(job.observer);
      const result = await openLoop(job, {
        onProgress,
        onMeasured,
        onMeasuring: () => tell({ event: 'measuring', backends: [observer.backendPid] }),
        onAccepted: observer.onAccepted,
      });
      return { ...result, observed: await observer.finish() };
    }
  }
};

process.on('message', (job: Job) => {
  perform(job).then(
    (result) => tell({ event: 'done', result }),
    (error: Error) => tell({ event: 'failed', reason: error.message }),
  );
});
process.on('disconnect', () => process.exit());
