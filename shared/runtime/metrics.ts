// shared/runtime/metrics.ts: the registry of one process and the series that every role has (design section 6).

import { readFileSync } from 'node:fs';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';

export interface RoleMetrics {
  registry: Registry;
  /** Call on every step forward (a batch handled, an empty fetch while caught up): readiness and alerts read it. */
  progressed: () => void;
}

// The event loop's lag is sampled by a timer; the default of 10 ms wakes an idle process a hundred times a second.
const EVENT_LOOP_PRECISION_MS = 100;

export const createRoleMetrics = (role: string, version: string = packageVersion()): RoleMetrics => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_PRECISION_MS });
  const progress = new Gauge({
    name: 'last_progress_timestamp_seconds',
    help: 'Unix time of the last step forward of this process.',
    registers: [registry],
  });
  new Gauge({
    name: 'build_info',
    help: 'Always 1; the labels say what runs.',
    labelNames: ['role', 'version', 'node'],
    registers: [registry],
  }).set({ role, version, node: process.version }, 1);
  return { registry, progressed: () => progress.set(Date.now() / 1000) };
};

const packageVersion = (): string => JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
