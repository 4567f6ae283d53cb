// shared/runtime/health.ts: what a process says about itself. Live: the event loop turns. Ready: every check holds.

export interface HealthReport {
  status: 'ok' | 'unavailable';
  checks: Record<string, { ok: boolean; detail?: string }>;
}

/** A check returns null when all is well, else one sentence that says what is missing. It must answer at once. */
export type HealthCheck = () => string | null;

export const readiness = (checks: Readonly<Record<string, HealthCheck>>): HealthReport => {
  const results = Object.entries(checks).map(([name, check]) => {
    const detail = check();
    return [name, detail === null ? { ok: true } : { ok: false, detail }] as const;
  });
  return { status: results.every(([, result]) => result.ok) ? 'ok' : 'unavailable', checks: Object.fromEntries(results) };
};
