// The projector and the operator's command line as processes: what they print, serve and exit with.

import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { type RoleProcess, startRole } from '../../support/stack/service/role-process.ts';
import { histories } from './histories.ts';
import { newProjection, PARTITIONS, type Projection } from './projection.ts';
import { closeAll } from './read-model.ts';

const CHECKOUT = resolve(import.meta.dirname, '../../..');
const run = promisify(execFile);

let projection: Projection;
let roles: RoleProcess[] = [];
afterEach(async () => {
  await Promise.all(roles.map((role) => role.stop()));
  roles = [];
  await projection.stop();
  await closeAll();
});

const environment = (): Record<string, string> => ({
  ORDERS_TOPIC: projection.topic,
  ORDERS_PARTITIONS: String(PARTITIONS),
  READ_MODEL_SCHEMA: projection.database.schema,
  PRODUCTS_TOPIC: `${projection.topic}.products`,
  LEDGER_SCHEMA: `${projection.database.schema}_ledger`,
});

const startProjector = async (): Promise<RoleProcess> => {
  const role = await startRole('projector', environment());
  roles.push(role);
  return role;
};

/** `npm run orders -- …`: its exit code and what it says. */
const orders = async (args: string[], env: Record<string, string> = {}): Promise<{ code: number; stdout: string; stderr: string }> => {
  const { kafka, database } = inject('stack');
  const all = { PATH: process.env.PATH, HOME: process.env.HOME, KAFKA_BROKERS: kafka, DATABASE_URL: database, ...environment(), ...env };
  try {
    return { code: 0, ...(await run(process.execPath, [join(CHECKOUT, 'ops/cli/main.ts'), ...args], { env: all, cwd: CHECKOUT })) };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
};

describe('a projector process', () => {
  it('serves every series that it promises, from its own work and from the read model', async () => {
    projection = await newProjection();
    const role = await startProjector();
    await projection.append(histories(40, 31));
    await projection.appendRaw([{ topic: projection.topic, key: 'undecodable', value: 'not ours', headers: {} }]);
    await projection.caughtUp();
    const metrics = await eventually(
      async () => {
        const text = await (await fetch(`${role.url}/metrics`)).text();
        return (
          text.includes('dead_letters_total{reason="NOT_A_CLOUD_EVENT"} 1') &&
          /orders_by_status\{status="completed"\} [1-9]/.test(text) &&
          text
        );
      },
      { what: 'the metrics to show the work' },
    );
    expect(metrics).toMatch(/projector_events_total\{type="orders.OrderCreated.v1",effect="applied"\} 40\n/);
    expect(metrics).toMatch(/projector_lag_events\{partition="2"\} 0\n/);
    for (const name of [
      'projector_lag_seconds',
      'orders_parked',
      'orders_revenue_total{currency="USD"}',
      'last_progress_timestamp_seconds',
    ]) {
      expect(metrics).toContain(`\n${name} `);
    }
    expect(metrics).toMatch(/order_processing_duration_seconds_count [1-9]/);
    expect(metrics).not.toMatch(/^read_model_drift_orders /m); // nobody has verified yet
    expect((await orders(['verify'])).code).toBe(0);
    const drift = async () => /^read_model_drift_orders 0$/m.test(await (await fetch(`${role.url}/metrics`)).text());
    await eventually(drift, { what: 'the result of the verification in the metrics' });
  });

  it('ends in order when told to, and another one goes on where it was', async () => {
    projection = await newProjection();
    const [first, second] = [await startProjector(), await startProjector()];
    await projection.append(histories(30, 32));
    await projection.caughtUp();
    expect(await first.stop()).toEqual({ code: 0, signal: null });
    second.kill();
    await second.exited;
    await projection.append(histories(30, 33));
    await startProjector();
    await projection.caughtUp();
    expect((await orders(['verify'])).code).toBe(0);
  });
});

describe('npm run orders', () => {
  it('verifies, says what differs, rebuilds, and verifies again', async () => {
    projection = await newProjection();
    await projection.start();
    await projection.append(histories(20, 34));
    await projection.caughtUp();
    expect(await orders(['verify'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^No difference: 20 orders from \d+ events/) });

    await projection.database.query("UPDATE orders SET user_id = 'mallory' WHERE order_id = 'order-34-7'");
    const found = await orders(['verify']);
    expect(found.code).toBe(1);
    expect(found.stdout).toMatch(/^order order-34-7: userId is "mallory", by the log "u-\d"\n1 differ/);
    const json = await orders(['verify', '--json']);
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({ orders: 20, drift: 1, differences: [{ id: 'order-34-7', actual: 'mallory' }] });

    expect(await orders(['rebuild'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Rebuilt .* events\/s\)\.\nRebuilt .*: 0 products, 0 reservations\.\n$/),
    });
    expect((await orders(['verify'])).code).toBe(0);
  });

  it('says in one sentence what is missing', async () => {
    projection = await newProjection();
    const none = await orders(['verify'], { READ_MODEL_SCHEMA: 'nothing_here' });
    expect(none).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('There is no read model') });
    const refused = await orders(['rebuild'], { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing' });
    expect(refused).toMatchObject({ code: 1, stdout: '', stderr: 'The database does not answer at the given address.\n' });
  });
});
