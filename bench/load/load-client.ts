// bench/load/load-client.ts: the parent's side of the load process.

import { join } from 'node:path';
import { startChild } from '../system/child.ts';
import type { Job, JobResult, LoadMessage } from './jobs.ts';
import type { Progress } from './load-generator.ts';

export interface JobHooks {
  /** The measured time begins. `backends`: PostgreSQL processes that work for the load process. */
  onMeasuring?: (backends: number[]) => void;
  onMeasured?: () => void;
  onProgress?: (progress: Progress) => void;
}

export interface LoadClient {
  pid: number;
  /** One at a time. Rejects with the reason when the measurement is void. */
  run: (job: Job, hooks?: JobHooks) => Promise<JobResult>;
  stop: () => Promise<void>;
}

const SCRIPT = join(import.meta.dirname, 'load-process.ts');

export const startLoadClient = (): LoadClient => {
  const child = startChild(SCRIPT);
  const run: LoadClient['run'] = async (job, { onMeasuring, onMeasured, onProgress } = {}) => {
    const { promise, resolve, reject } = Promise.withResolvers<JobResult>();
    const stopListening = child.onMessage((sent) => {
      const message = sent as LoadMessage;
      try {
        if (message.event === 'measuring') onMeasuring?.(message.backends);
        else if (message.event === 'measured') onMeasured?.();
        else if (message.event === 'progress') onProgress?.(message);
        else if (message.event === 'done') resolve(message.result);
        else reject(new Error(message.reason));
      } catch (error) {
        reject(error);
      }
    });
    child.ended.then(() => reject(new Error('the load process ended')));
    child.send(job);
    return promise.finally(stopListening);
  };
  return { pid: child.pid, run, stop: child.stop };
};
