// The projector's metrics while the database does not answer: those of the process come all the same.

import { Gauge, Registry } from 'prom-client';
import { beforeEach, expect, it } from 'vitest';
import { registerReadModelStatus } from '../../../projector/read-model-status.ts';
import { pass, steerTime } from '../../support/steered-time.ts';

const STATUS_MAX_MS = 2_000;

beforeEach(steerTime);

it('are there after two seconds, without those that only the database knows', async () => {
  const registry = new Registry();
  new Gauge({ name: 'of_the_process', help: 'Known without the database.', registers: [registry] }).set(1);
  registerReadModelStatus(registry, { query: () => new Promise<never>(() => {}) }, 'USD');
  let text = '';
  void registry.metrics().then((metrics) => {
    text = metrics;
  });
  await pass(STATUS_MAX_MS - 100);
  expect(text).toBe('');
  await pass(200);
  expect(text).toContain('of_the_process 1');
  expect(text).not.toMatch(/^orders_by_status\{/m);
});
