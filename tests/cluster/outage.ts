// tests/cluster/outage.ts: brokers are killed until the log takes no records, under load, and started again once the api has said so.
// Meanwhile somebody submits orders and looks at every answer.

import { expect } from 'vitest';
import { eventually } from '../support/eventually.ts';
import type { Load } from '../support/faults/load.ts';
import { startSubmissionProbe } from '../support/faults/submission-probe.ts';
import { patience } from '../support/machine.ts';
import type { ClusterBroker } from '../support/stack/cluster.ts';
import type { ClusterWorld } from './world.ts';

const ANSWER_LIMIT_MS = patience(8_000); // 5 s for the append (api/requests/append-in-time.ts), and what a busy machine adds
const NOT_READY_LIMIT_MS = 30_000;

/** Every submission meanwhile was taken, or answered 503 in time with when to come again; the api was not ready, and said why. */
export const outage = async ({ fleet }: ClusterWorld, load: Load, killed: readonly ClusterBroker[]): Promise<void> => {
  const [api] = fleet.urls();
  const probe = startSubmissionProbe(api!, load.journal);
  await Promise.all(killed.map((broker) => broker.kill()));
  const missing = await eventually(() => failedChecks(api!), { what: 'the api to be not ready', timeoutMs: NOT_READY_LIMIT_MS });
  expect(missing).toContain('appends');
  await Promise.all(killed.map((broker) => broker.start()));
  const up = performance.now();
  await load.moves(1);
  process.stdout.write(`orders are acknowledged ${Math.round(performance.now() - up)} ms after the brokers have started\n`);
  const refused = (await probe.stop()).filter(({ status }) => status !== 201);
  for (const { status, code, retryAfter, tookMs } of refused) {
    expect({ status, retryAfter }).toEqual({ status: 503, retryAfter: expect.stringMatching(/^\d+$/) });
    expect(['LOG_UNAVAILABLE', 'OVERLOADED']).toContain(code);
    expect(tookMs).toBeLessThan(ANSWER_LIMIT_MS);
  }
  expect(refused.map(({ code }) => code)).toContain('LOG_UNAVAILABLE');
};

/** The names of the checks that do not hold; null while the api is ready. */
const failedChecks = async (api: string): Promise<string[] | null> => {
  const response = await fetch(`${api}/health/ready`);
  const { checks } = (await response.json()) as { checks: Record<string, { ok: boolean }> };
  return response.status === 503 ? Object.keys(checks).filter((check) => !checks[check]!.ok) : null;
};
