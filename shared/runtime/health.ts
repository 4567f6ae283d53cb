// shared/runtime/health.ts: what a process says about itself. Live: the event loop turns. Ready: every check holds.

import { setTimeout as delay } from 'node:timers/promises';

export interface HealthReport {
  status: 'ok' | 'unavailable';
  checks: Record<string, { ok: boolean; detail?: string }>;
}

/** A check returns null when all is well, else one sentence that says what is missing. It must answer at once. */
export type HealthCheck = () => string | null;

const LOOK_AGAIN_MS = 20;

/** Resolves when every check holds, after `limitMs` at the latest. */
export const whenReady = async (checks: Readonly<Record<string, HealthCheck>>, limitMs: number): Promise<void> => {
  for (const deadline = performance.now() + limitMs; performance.now() < deadline; await delay(LOOK_AGAIN_MS)) {
    if (readiness(checks).status === 'ok') return;
  }
};

export const readiness = (checks: Readonly<Record<string, HealthCheck>>): HealthReport => {
  const results = Object.entries(checks).map(([name, check]) => {
    const detail = check();
    return [name, detail === null ? { ok: true } : { ok: false, detail }] as const;
  });
  return { status: results.every(([, result]) => result.ok) ? 'ok' : 'unavailable', checks: Object.fromEntries(results) };
};
