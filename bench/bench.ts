// bench/bench.ts: what every scenario works with: the running system, the load, and how to measure while a load runs.

import type { Job, JobResult } from './load/jobs.ts';
import type { LoadClient } from './load/load-client.ts';
import type { Progress } from './load/load-generator.ts';
import { openWindow, type ProcessIds, type Usage } from './measure/window.ts';
import type { System } from './system/system.ts';

export interface BenchSettings {
  /** Shorter measurements and fewer repetitions: to see whether everything works, not for numbers to be quoted. */
  quick: boolean;
  /** How long the highest rate must be held. */
  seconds: number;
  /** The log is filled up to this many events before it is rebuilt. */
  rebuildEvents: number;
}

export interface Bench {
  system: System;
  load: LoadClient;
  settings: BenchSettings;
  say: (sentence: string) => void;
}

export interface Measured {
  result: JobResult;
  /** In the measured time of the job. */
  usage: Usage;
}

export interface MeasureOptions {
  /** Processes to measure beside the system's. */
  extra?: ProcessIds;
  onProgress?: (progress: Progress) => void;
}

/** Runs a job, and measures what is used meanwhile. Rejects when a process ended or was restarted under it. */
export const measure = async ({ system, load }: Bench, job: Job, options: MeasureOptions = {}): Promise<Measured> => {
  const { extra = {}, onProgress } = options;
  let window: ReturnType<typeof openWindow> | undefined;
  let usage: Usage | undefined;
  const result = await load.run(job, {
    onMeasuring: (backends) => {
      const processes = () => ({ ...system.processes(), ...extra });
      window = openWindow({ processes, observers: [load.pid, process.pid], backends });
    },
    onMeasured: () => {
      usage = window!.close();
    },
    onProgress,
  });
  if (job.port === system.apiPort) system.accepted(result.accepted);
  return { result, usage: usage! };
};

/** For measurements that are void when anything was refused. */
export const requireAllAccepted = ({ result }: Measured): void => {
  const refused = Object.entries(result.refused).map(([status, count]) => `${count} × ${status}`);
  if (refused.length > 0) throw new Error(`not every order was accepted: ${refused.join(', ')}`);
};
