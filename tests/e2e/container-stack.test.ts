// `npm start` where a container engine answers.
// Broker and database are containers, and are kept running, stopped and found again like the processes of local-stack.test.ts. The roles are
// the real ones: what lasts is an order. In the order of the file.

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commandLineOf } from '../../ops/local-stack/command-line.ts';
import { kafkaAnswers } from '../../ops/local-stack/kafka/probe-kafka.ts';
import { databaseAnswers } from '../../ops/local-stack/postgres/postgres-server.ts';
import { type TemporaryData, temporaryData } from '../../ops/local-stack/temporary-data.ts';
import { openDatabase } from '../../shared/postgres/database.ts';
import { eventually } from '../support/eventually.ts';
import { type ContainerKind, deleteContainerData, inspectContainer, killContainer, whyNoContainers } from '../support/stack/containers.ts';
import { type RunFile, type StackProcess, startStackProcess } from '../support/stack/stack-process.ts';

const problem = await whyNoContainers();
const KINDS = ['broker', 'postgres'] as const;
const ENV = { BACKING_SERVICES: 'containers', PROCESSING_TIME_MS: '50' };
// A container that was killed: a process is started, and by it a container, which recovers, on a busy machine.
const BACK_LIMIT_MS = 30_000;

describe.skipIf(problem !== null || (process.env.KAFKA_BROKERS && process.env.DATABASE_URL))('npm start on containers', () => {
  let folder: TemporaryData;
  let dataDir: string;
  let stack: StackProcess;
  let run: RunFile;

  const start = async (): Promise<void> => {
    stack = startStackProcess({ dataDir, env: ENV });
    run = await stack.ready();
  };
  const containers = () => Promise.all(KINDS.map((kind) => inspectContainer(dataDir, kind)));
  const submit = async (order_id: string): Promise<void> => {
    const post = () =>
      fetch(`${run.api}/orders`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ order_id, user_id: 1, item_ids: [5], total_amount: 9.5 }),
      });
    // While a part is away the outcome may be unknown; the order exists when it is accepted, or found to be taken by the attempt before.
    await eventually(async () => [201, 202, 409].includes((await post()).status), {
      what: 'an order to be accepted',
      timeoutMs: BACK_LIMIT_MS,
    });
  };
  const completed = async (order_id: string): Promise<void> => {
    const status = async () => ((await (await fetch(`${run.api}/orders/${order_id}`)).json()) as { status: string }).status;
    await eventually(async () => (await status()) === 'completed', { what: `${order_id} to be completed`, timeoutMs: BACK_LIMIT_MS });
  };
  const answers = { broker: () => kafkaAnswers('127.0.0.1', run.processes.broker.port), postgres: () => databaseAnswers(run.database) };
  /** Ends the container by what `kill` does, and resolves when another one answers in its place. */
  const replaced = async (kind: ContainerKind, kill: (id: string) => unknown): Promise<void> => {
    const before = (await inspectContainer(dataDir, kind))!.Id;
    await kill(before);
    const another = async () => {
      const now = await inspectContainer(dataDir, kind);
      return now !== null && now.Id !== before && now.State.Running;
    };
    await eventually(another, { what: `${kind} to run in another container`, timeoutMs: BACK_LIMIT_MS });
    await eventually(answers[kind], { what: `${kind} to answer again`, timeoutMs: BACK_LIMIT_MS });
  };

  beforeAll(async () => {
    folder = await temporaryData('stack');
    dataDir = join(folder.path, 'data');
    await start();
  });
  afterAll(async () => {
    stack?.signal('SIGTERM');
    await stack?.exited;
    await deleteContainerData(dataDir);
    await folder.remove();
  });

  test('publishes the same addresses and ids as on processes, and the parts for this machine only', async () => {
    expect(Object.keys(run.processes).toSorted()).toEqual(['api', 'broker', 'postgres', 'processor', 'projector']);
    expect(run.kafka).toBe(`127.0.0.1:${run.processes.broker.port}`);
    expect(run.database).toMatch(new RegExp(`^postgres://orders:[^@]{20,}@127\\.0\\.0\\.1:${run.processes.postgres.port}/orders$`));
    for (const kind of KINDS) expect(commandLineOf(run.processes[kind].pid)).not.toBeNull();
    for (const container of await containers()) {
      const published = Object.values(container!.NetworkSettings.Ports).flatMap((bindings) => bindings ?? []);
      expect(published.map(({ HostIp }) => HostIp)).toEqual(['127.0.0.1']);
    }
    expect(stack.output()).not.toContain(new URL(run.database).password);
    expect(statSync(join(dataDir, 'containers', 'postgres', 'data.json')).mode & 0o777).toBe(0o600);
  });

  test('the role is no superuser, finds the read model without naming a schema, and text has byte order', async () => {
    const database = openDatabase({ url: run.database, schema: 'public', applicationName: 'test' });
    const { rows } = await database.query(
      `SELECT rolsuper, rolconfig, datlocprovider, datlocale, current_setting('jit') AS jit
       FROM pg_roles, pg_database WHERE rolname = 'orders' AND datname = 'orders'`,
    );
    await database.end();
    expect(rows).toEqual([
      {
        rolsuper: false,
        rolconfig: ['search_path=read_model, accounts, public'],
        datlocprovider: 'b',
        datlocale: 'C.UTF-8',
        jit: 'off',
      },
    ]);
  });

  test('starts a killed database again, on the same data', async () => {
    await submit('before-database');
    await completed('before-database');
    await replaced('postgres', killContainer);
    await completed('before-database');
  });

  test('starts a killed broker again, on the same log', async () => {
    await submit('before-broker');
    await replaced('broker', killContainer);
    await completed('before-broker');
    await submit('after-broker');
    await completed('after-broker');
  });

  test('one whose container supervisor is killed is replaced too: never two on the same data', async () => {
    await replaced('broker', () => process.kill(stack.run()!.processes.broker.pid, 'SIGKILL'));
    await submit('after-supervisor');
    await completed('after-supervisor');
  });

  test('Ctrl-C ends everything within 5 s; the data stays', async () => {
    const toldAt = Date.now();
    stack.signal('SIGINT');
    expect(await stack.exited).toEqual({ code: 0, signal: null });
    expect(Date.now() - toldAt).toBeLessThan(5_000);
    expect(await containers()).toEqual([null, null]);
    expect(stack.run()).toBeNull();
  });

  test('a killed supervisor leaves no container behind, and the next start finds its data', async () => {
    const { password } = new URL(run.database);
    await start();
    stack.signal('SIGKILL');
    const gone = async () => (await containers()).every((container) => container === null);
    await eventually(gone, { what: 'the watchdog to end all containers', timeoutMs: 15_000 });
    await start();
    expect(new URL(run.database).password).toBe(password);
    for (const order of ['before-database', 'before-broker', 'after-broker', 'after-supervisor']) await completed(order);
  });

  test('when the supervisor and all that watch over it are killed, the next start ends what was left over', async () => {
    const attendants = KINDS.map((kind) => stack.run()!.processes[kind].pid);
    const before = (await containers()).map((container) => container!.Id);
    for (const pid of attendants) process.kill(pid, 'SIGKILL');
    stack.signal('SIGKILL'); // before it can start them again
    await stack.exited;
    expect((await containers()).map((container) => container?.State.Running)).toEqual([true, true]);
    await start();
    expect(stack.output()).toContain('left over from a run that was killed');
    const after = (await containers()).map((container) => container!.Id);
    expect(after.some((id) => before.includes(id))).toBe(false);
    await completed('before-broker');
  });
});
