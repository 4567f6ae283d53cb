// `docker compose up` on a real engine.
// Everything becomes healthy, the e2e tests pass against it, Prometheus scrapes every instance, and every query of the dashboard and of the
// alerts has an answer.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { patience } from '../support/machine.ts';
import { whyNoEngine } from '../support/stack/engine.ts';
import { startAuthorizedProxy } from './authorized-proxy.ts';
import { type ComposeProject, createComposeProject } from './compose-project.ts';

const reason = whyNoEngine();
if (reason !== null) process.stdout.write(`${reason} The tests of docker-compose.yml are left out.\n`);

// The first build fetches the packages; pulling the images on a slow line takes minutes.
const UP_LIMIT_MS = patience(600_000);
const SUITE_LIMIT_MS = patience(300_000);
const TEST_LIMIT_MS = patience(120_000);
const DASHBOARD = join(import.meta.dirname, '../../ops/grafana/dashboards/orders.json');

interface Sample {
  metric: Record<string, string>;
  value: [number, string];
}

describe.skipIf(reason !== null)('docker compose up', () => {
  let project: ComposeProject;
  let proxy: Awaited<ReturnType<typeof startAuthorizedProxy>>;
  const prometheus = async <T>(path: string): Promise<T> => {
    const response = await fetch(`${project.prometheus}/api/v1/${path}`);
    expect(response.status, path).toBe(200);
    return ((await response.json()) as { data: T }).data;
  };
  const query = async (expression: string): Promise<Sample[]> =>
    (await prometheus<{ result: Sample[] }>(`query?query=${encodeURIComponent(expression)}`)).result;
  const passes = async (...files: string[]): Promise<void> => {
    const { code, output } = await project.runTests(proxy.url, files);
    expect(code, output).toBe(0);
    process.stdout.write(output.split('\n').slice(-7).join('\n'));
  };

  const verify = async (): Promise<void> => {
    expect(await project.compose(['exec', '-T', 'api', 'node', 'ops/cli/main.ts', 'verify'])).toContain('No difference');
  };

  beforeAll(async () => {
    project = await createComposeProject();
    await project.compose(['up', '--build', '--detach', '--wait', '--scale', 'processor=3']);
    const made = await project.compose([
      'exec',
      '-T',
      'api',
      'node',
      'ops/cli/main.ts',
      '--json',
      'create-client',
      '--name',
      't',
      '--role',
      'admin',
    ]);
    const { client_id: id, client_secret: secret } = JSON.parse(made) as { client_id: string; client_secret: string };
    proxy = await startAuthorizedProxy(project.api, `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`);
  }, UP_LIMIT_MS);
  afterAll(async () => {
    await proxy?.stop();
    await project?.remove();
  }, UP_LIMIT_MS);

  it('asks for credentials, and runs as an ordinary user', async () => {
    expect((await fetch(`${project.api}/orders`)).status).toBe(401);
    for (const role of ['api', 'processor', 'projector']) {
      expect((await project.compose(['exec', '-T', role, 'id', '-un'])).trim()).toBe('node');
    }
  });

  it(
    'passes the e2e tests',
    async () => {
      await passes('tests/e2e/orders.test.ts');
      await passes('tests/e2e/bulk.test.ts');
    },
    SUITE_LIMIT_MS,
  );

  it(
    'has every instance scraped, and an answer to every query of the dashboard',
    async () => {
      const instances = async () =>
        Object.fromEntries((await query('sum by (role) (up{job="orders"})')).map(({ metric, value }) => [metric.role, value[1]]));
      await eventually(async () => (await instances()).processor === '3', { what: 'three processors scraped', timeoutMs: 60_000 });
      expect(await instances()).toEqual({ api: '1', processor: '3', projector: '1' });
      await verify(); // whose result is on the dashboard too
      const { panels } = JSON.parse(readFileSync(DASHBOARD, 'utf8')) as { panels: { title: string; targets: { expr: string }[] }[] };
      expect(panels.length).toBeGreaterThan(10);
      for (const { title, targets } of panels) {
        for (const { expr } of targets) {
          // The last scrape may be some seconds old. A route without a request in the window has no percentile; the others have one.
          const answered = async () =>
            (await query(expr.replaceAll('$__rate_interval', '5m'))).some(({ value }) => !Number.isNaN(Number(value[1])));
          await eventually(answered, { what: `an answer to ${title}: ${expr}` });
        }
      }
      const completed = async () => Number((await query('sum(orders_by_status{status="completed"})'))[0]!.value[1]) > 20_000;
      await eventually(completed, { what: 'all completed orders in the gauge' });
    },
    TEST_LIMIT_MS,
  );

  it('has rules that can be evaluated, and none fires', async () => {
    const { groups } = await prometheus<{ groups: { rules: { name: string; health: string; state: string; lastError?: string }[] }[] }>(
      'rules',
    );
    const rules = groups.flatMap((group) => group.rules);
    expect(rules.length).toBeGreaterThan(8);
    for (const rule of rules) expect(rule).toMatchObject({ health: 'ok', state: 'inactive' });
  });

  it(
    'answers the requests of the services that this one replaces',
    async () => {
      // As slow as the test needs it: an order is still open when its row asks for a change of it.
      const slow = { PROCESSING_TIME_MS: '1500', PROCESSOR_CONCURRENCY: '1' };
      await project.compose(['up', '--detach', '--wait', '--no-deps', '--scale', 'processor=1', 'processor'], slow);
      await passes('tests/e2e/migration.test.ts');
    },
    SUITE_LIMIT_MS,
  );

  it(
    'loses nothing: the log and the rows agree at the end, and SIGTERM reaches every role',
    async () => {
      await verify();
      await project.compose(['stop', 'api', 'processor', 'projector']);
      const states = (await project.compose(['ps', '--all', '--format', 'json', 'api', 'processor', 'projector'])).trim().split('\n');
      expect(states.map((line) => (JSON.parse(line) as { ExitCode: number }).ExitCode)).toEqual(states.map(() => 0));
    },
    TEST_LIMIT_MS,
  );
});
