// `npm start` as a user meets it.
// Real broker, real database, and stubs in the place of the roles (what the roles do is other tests' business). One stack for the tests that
// leave it running, in the order of the file.

import { readFileSync, statSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commandLineOf } from '../../ops/local-stack/command-line.ts';
import { kafkaAnswers } from '../../ops/local-stack/kafka/probe-kafka.ts';
import { databaseAnswers } from '../../ops/local-stack/postgres/postgres-server.ts';
import { type TemporaryData, temporaryData } from '../../ops/local-stack/temporary-data.ts';
import { type Database, openDatabase } from '../../shared/postgres/database.ts';
import { eventually } from '../support/eventually.ts';
import { type RunFile, type StackProcess, startStackProcess } from '../support/stack/stack-process.ts';

const ROLE_STUB = `
import { createServer } from 'node:http';
import { basename } from 'node:path';
const { PORT, PROCESSOR_PORT, PROJECTOR_PORT } = process.env;
const port = { 'api.ts': PORT, 'processor.ts': PROCESSOR_PORT, 'projector.ts': PROJECTOR_PORT }[basename(import.meta.filename)];
const { KAFKA_BROKERS, DATABASE_URL, HOST, AUTH } = process.env;
createServer((_, response) => response.end(JSON.stringify({ KAFKA_BROKERS, DATABASE_URL, HOST, AUTH }))).listen(Number(port), HOST);
process.once('SIGTERM', () => process.exit(0));
console.log(JSON.stringify({ level: 30, role: 'stub', msg: 'started up' }));
`;
// On containers: container-stack.test.ts.
const LOCAL = { BACKING_SERVICES: 'local' };
const NAMES = ['broker', 'postgres', 'api', 'processor', 'projector'] as const;
// The stack restarts a process within 2 s; a broker or database then needs its own time to recover.
const RESTART_LIMIT_MS = 2_000;

const pidsOf = (run: RunFile): number[] => NAMES.map((name) => run.processes[name].pid);
const withDatabase = async <T>(url: string, work: (database: Database) => Promise<T>): Promise<T> => {
  const database = openDatabase({ url, schema: 'public', applicationName: 'test' });
  try {
    return await work(database);
  } finally {
    await database.end();
  }
};
const allEnded = (pids: number[]): boolean => pids.every((pid) => commandLineOf(pid) === null);

// These start a broker and a database whatever the environment offers; a machine that has neither Java nor npm's PostgreSQL
// runs the other tests against KAFKA_BROKERS and DATABASE_URL.
describe.skipIf(process.env.KAFKA_BROKERS && process.env.DATABASE_URL)('npm start', () => {
  let folder: TemporaryData;
  let dataDir: string;
  let scripts: string;
  let stack: StackProcess;
  let run: RunFile;

  beforeAll(async () => {
    folder = await temporaryData('stack');
    dataDir = join(folder.path, 'data');
    scripts = join(folder.path, 'roles');
    await mkdir(scripts);
    for (const role of ['api', 'processor', 'projector']) await writeFile(join(scripts, `${role}.ts`), ROLE_STUB);
    stack = startStackProcess({ dataDir, scripts, env: LOCAL });
    run = await stack.ready();
  });
  afterAll(async () => {
    stack.signal('SIGTERM');
    await stack.exited;
    await folder.remove();
  });

  const killed = async (name: (typeof NAMES)[number]): Promise<RunFile> => {
    const before = stack.run()!.processes[name];
    process.kill(before.pid, 'SIGKILL');
    const restarted = () => {
      const now = stack.run()!;
      // A first attempt may end at once: PostgreSQL waits for the memory that its killed predecessor's children still hold.
      return now.processes[name].pid !== before.pid && commandLineOf(now.processes[name].pid) !== null && now;
    };
    const after = await eventually(restarted, { what: `${name} to be started again`, timeoutMs: RESTART_LIMIT_MS });
    expect(after.processes[name].port).toBe(before.port);
    return after;
  };

  test('publishes addresses and process ids for the owner alone', () => {
    expect(statSync(join(dataDir, 'run.json')).mode & 0o777).toBe(0o600);
    expect(Object.keys(run.processes).toSorted()).toEqual([...NAMES].toSorted());
    for (const name of NAMES) expect(commandLineOf(run.processes[name].pid)).not.toBeNull();
    expect(run.api).toBe(`http://127.0.0.1:${run.processes.api.port}`);
    expect(run.kafka).toBe(`127.0.0.1:${run.processes.broker.port}`);
    expect(run.database).toMatch(new RegExp(`^postgres://orders:[^@]{20,}@127\\.0\\.0\\.1:${run.processes.postgres.port}/orders$`));
    expect(stack.output()).not.toContain(new URL(run.database).password);
  });

  test('keeps the log and the database from other users of the machine', () => {
    const modeOf = (name: string) => statSync(join(dataDir, name)).mode & 0o777;
    expect(modeOf('kafka')).toBe(0o700);
    expect(modeOf('postgres') & 0o066).toBe(0);
    expect(modeOf('postgres/password')).toBe(0o600);
  });

  test('whoever connects with the plain URL finds the read model’s tables without naming a schema', async () => {
    const role = "SELECT rolsuper, rolconfig FROM pg_roles WHERE rolname = 'orders'";
    const { rows } = await withDatabase(run.database, (database) => database.query(role));
    expect(rows).toEqual([{ rolsuper: false, rolconfig: ['search_path=read_model, accounts, public'] }]);
  });

  test('hands the addresses to the roles, on loopback and without access control', async () => {
    const seen = await (await fetch(run.api)).json();
    expect(seen).toEqual({ KAFKA_BROKERS: run.kafka, DATABASE_URL: run.database, HOST: '127.0.0.1', AUTH: 'off' });
  });

  test('ends with a curl line that can be tried', () => {
    expect(stack.output()).toContain(`curl -s -X POST ${run.api}/orders -H 'content-type: application/json'`);
  });

  test('says in one line of each part what it waits for, and nothing more until all are up', () => {
    const [before] = stack.output().split(/^stack +\| ready;/m);
    const lines = before!.trim().split('\n');
    for (const name of NAMES)
      expect(
        lines.filter((line) => line.startsWith(`${name} `)),
        name,
      ).toHaveLength(1);
    expect(before).toMatch(/^broker +\| Kafka at 127\.0\.0\.1:\d+ \(local broker\)$/m);
    expect(before).toMatch(/^projector \| on port \d+; waits for the topics, and until the log is projected$/m);
    expect(before).not.toContain('started up'); // what the stubs say, as the roles do
  });

  test('refuses to run twice in one folder, and the first does not notice', async () => {
    const second = startStackProcess({ dataDir, scripts, env: LOCAL });
    expect(await second.exited).toEqual({ code: 1, signal: null });
    expect(second.output()).toBe(
      `The stack runs already here (process ${stack.pid}): stop it first, or use its addresses in ${join(dataDir, 'run.json')}.\n`,
    );
    expect(stack.run()).toEqual(run);
  });

  test('takes a broker and a database that run already, and neither starts nor stops any', async () => {
    const env = { ...LOCAL, KAFKA_BROKERS: run.kafka, DATABASE_URL: run.database };
    const second = startStackProcess({ dataDir: join(folder.path, 'second'), scripts, env });
    const { kafka, database, processes } = await second.ready();
    expect([kafka, database]).toEqual([run.kafka, run.database]);
    expect(Object.keys(processes).toSorted()).toEqual(['api', 'processor', 'projector']);
    second.signal('SIGINT');
    expect(await second.exited).toEqual({ code: 0, signal: null });
    expect(commandLineOf(run.processes.broker.pid)).not.toBeNull();
    expect(commandLineOf(run.processes.postgres.pid)).not.toBeNull();
  });

  test('ends with the sentence of a role whose configuration is refused, and does not start it again', async () => {
    const refusing = join(folder.path, 'refusing');
    await mkdir(refusing);
    for (const role of ['api', 'projector']) await writeFile(join(refusing, `${role}.ts`), ROLE_STUB);
    const refusal = { level: 60, code: 'CONFIG_INVALID', msg: 'The configuration is not valid: PROCESSOR_CONCURRENCY must be <= 1000000.' };
    await writeFile(
      join(refusing, 'processor.ts'),
      `console.log(${JSON.stringify(JSON.stringify(refusal))}); process.exitCode = 78;\nexport {};`,
    );
    const env = { ...LOCAL, KAFKA_BROKERS: run.kafka, DATABASE_URL: run.database };
    const third = startStackProcess({ dataDir: join(folder.path, 'third'), scripts: refusing, env });
    expect(await third.exited).toEqual({ code: 1, signal: null });
    expect(third.output().trim().split('\n').at(-1)).toBe(`processor: ${refusal.msg}`);
    expect(third.output().split(refusal.msg)).toHaveLength(2); // once
    expect(third.output()).not.toMatch(/starting it again|ready;/);
  });

  test('starts a killed role again within 2 s', async () => {
    await killed('api');
    await eventually(async () => (await fetch(run.api)).ok, { what: 'the api to answer again' });
  });

  test('starts a killed database again within 2 s, on the same data', async () => {
    await withDatabase(run.database, (database) => database.query('CREATE TABLE kept AS SELECT 7 AS number'));
    const { database: url } = await killed('postgres');
    expect(url).toBe(run.database);
    await eventually(() => databaseAnswers(url), { what: 'the database to answer again' });
    const { rows } = await withDatabase(url, (database) => database.query('SELECT number FROM kept'));
    expect(rows).toEqual([{ number: 7 }]);
  });

  test('starts a killed broker again within 2 s, on the same log', async () => {
    const { processes } = await killed('broker');
    await eventually(() => kafkaAnswers('127.0.0.1', processes.broker.port), { what: 'the broker to answer again' });
  });

  test('Ctrl-C ends everything within 5 s, with exit code 0 and nothing left behind', async () => {
    const pids = pidsOf(stack.run()!);
    const toldAt = Date.now();
    stack.signal('SIGINT');
    stack.signal('SIGINT'); // the terminal and npm each send one
    expect(await stack.exited).toEqual({ code: 0, signal: null });
    expect(Date.now() - toldAt).toBeLessThan(5_000);
    expect(allEnded(pids)).toBe(true);
    expect(stack.run()).toBeNull();
  });

  test('Ctrl-C during the start ends that too, and the roles are never started', async () => {
    const early = startStackProcess({ dataDir, scripts, env: LOCAL });
    const started = () => {
      const { pid, processes } = JSON.parse(readFileSync(join(dataDir, 'supervisor.json'), 'utf8'));
      return pid === early.pid && processes.length === 2 && processes.map((each: { pid: number }) => each.pid);
    };
    const pids: number[] = await eventually(started, { what: 'broker and database to be started' });
    early.signal('SIGINT');
    expect(await early.exited).toEqual({ code: 0, signal: null });
    expect(allEnded(pids)).toBe(true);
    expect(early.output()).not.toMatch(/^api /m);
  });

  test('a killed supervisor leaves no process behind, and the next start finds its data', async () => {
    stack = startStackProcess({ dataDir, scripts, env: LOCAL });
    const pids = pidsOf(await stack.ready());
    stack.signal('SIGKILL');
    await eventually(() => allEnded(pids), { what: 'the watchdog to end all processes', timeoutMs: 10_000 });
    expect(stack.run()).toBeNull();

    stack = startStackProcess({ dataDir, scripts, env: LOCAL });
    const { database } = await stack.ready();
    expect(new URL(database).password).toBe(new URL(run.database).password);
  });
});

describe('npm start on a machine that lacks something', () => {
  let folder: TemporaryData;
  beforeAll(async () => {
    folder = await temporaryData('stack');
  });
  afterAll(() => folder.remove());

  test('without Java: one sentence that says what to do, exit code 1', async () => {
    const path = join(folder.path, 'bin');
    await mkdir(path);
    for (const tool of ['id', 'sh']) await symlink(`/usr/bin/${tool}`, join(path, tool));
    const stack = startStackProcess({ dataDir: folder.path, env: { ...LOCAL, PATH: path, JAVA_HOME: '' } });
    expect(await stack.exited).toEqual({ code: 1, signal: null });
    const [last] = stack.output().trim().split('\n').slice(-1);
    expect(last).toMatch(/^Kafka needs Java 17 or newer and no Java was found .*: install a JRE, .*, or set KAFKA_BROKERS .*\.$/);
    expect(stack.output()).not.toMatch(/\n\s+at /);
  });

  test('with a port in use: one sentence that names it and the variable, exit code 1', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const port = (server.address() as { port: number }).port;
    const stack = startStackProcess({ dataDir: folder.path, env: { ...LOCAL, KAFKA_PORT: String(port) } });
    expect(await stack.exited).toEqual({ code: 1, signal: null });
    expect(stack.output()).toBe(
      `Port ${port} of 127.0.0.1 is in use: stop the program that has it, or set KAFKA_PORT to another port (0 takes any free one).\n`,
    );
    await new Promise((resolve) => server.close(resolve));
  });
});
