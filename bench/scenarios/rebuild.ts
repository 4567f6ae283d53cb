// bench/scenarios/rebuild.ts: how fast the read model is rebuilt from the log, and whether it then equals it. Through the
// operator's command line, on the log that the other measurements have left; the roles are not running.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BenchSettings } from '../bench.ts';
import { isQuiet } from '../measure/quiet-rounds.ts';
import { openWindow } from '../measure/window.ts';
import type { Findings } from '../report/findings.ts';
import { CHECKOUT, type Environment } from '../system/environment.ts';
import { fillLog } from '../system/fill-log.ts';
import { PARTITIONS, TOPIC } from '../system/system.ts';

export interface RebuildBench {
  environment: Environment;
  settings: BenchSettings;
  /** For the tools: paths only. */
  env: NodeJS.ProcessEnv;
  say: (sentence: string) => void;
}

interface RebuildResult {
  events: number;
  seconds: number;
  events_per_second: number;
}

interface VerifyResult {
  events: number;
  orders: number;
  drift: number;
  seconds: number;
}

const COMMAND_LINE = join(CHECKOUT, 'ops', 'orders', 'main.ts');
const TOOL_LIMIT_MS = 600_000;

export const rebuild = async ({ environment, settings, env, say }: RebuildBench): Promise<Findings> => {
  const { kafka, databaseUrl } = environment;
  const events = settings.rebuildEvents;
  const inLog = await fillLog({
    kafka,
    topic: TOPIC,
    partitions: PARTITIONS,
    events,
    onProgress: (count) => say(`d: ${count.toLocaleString('en-US')} events in the log`),
  });
  say(`d: rebuilding from ${inLog.toLocaleString('en-US')} events`);
  const toolEnv = { ...env, KAFKA_BROKERS: kafka, DATABASE_URL: databaseUrl };
  const window = openWindow({ processes: environment.processes, observers: [process.pid], backends: [] });
  const rebuilt = await runVerb<RebuildResult>('rebuild', toolEnv);
  const { foreignCores } = window.close();
  const rate = Math.round(rebuilt.events / rebuilt.seconds);
  say(`d: ${rate.toLocaleString('en-US')} events/s; verifying`);
  const verified = await runVerb<VerifyResult>('verify', toolEnv);
  say(`d: ${verified.drift} differences`);
  const disturbed = !isQuiet({ foreignCores });
  return {
    findings: [
      {
        id: 'rebuild-rate',
        what: `rebuild of the read model from ${rebuilt.events.toLocaleString('en-US')} events`,
        value: rate,
        unit: 'events/s',
        target: { bound: 'at least', limit: 40_000 },
        disturbed,
      },
      {
        id: 'rebuild-equal',
        what: '`verify` after it: orders that differ from the log',
        value: verified.drift,
        unit: '',
        target: { bound: 'at most', limit: 0 },
      },
    ],
    details: [
      {
        title: 'Rebuild',
        remarks: [
          '`npm run orders -- rebuild`, tables, archive, counters and indexes included, swapped in at the end; then `verify`, which folds the log again and compares every field.',
        ],
        columns: ['', 'events', 'seconds', 'events/s'],
        rows: [
          ['rebuild', rebuilt.events, rebuilt.seconds.toFixed(1), rate],
          ['verify', verified.events, verified.seconds.toFixed(1), Math.round(verified.events / verified.seconds)],
        ],
      },
    ],
  };
};

const runVerb = async <T>(verb: string, env: NodeJS.ProcessEnv): Promise<T> => {
  const how = { cwd: CHECKOUT, env, timeout: TOOL_LIMIT_MS };
  // Exit code 1 with a result is what verify says when it found differences.
  const { stdout } = await promisify(execFile)(process.execPath, [COMMAND_LINE, '--json', verb], how).catch((error) => {
    if (!error.stdout) throw error;
    return error as { stdout: string };
  });
  const result = JSON.parse(stdout) as T & { error?: string };
  if (result.error !== undefined) throw new Error(`${verb}: ${result.error}`);
  return result;
};
