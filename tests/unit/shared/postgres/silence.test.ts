// A database that stands still, or whose connections are half-open: how long statements wait for it, and what is said on a connection in doubt.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../../../shared/postgres/database.ts';
import { databaseError } from '../../../../shared/postgres/errors.ts';
import { AppError } from '../../../../shared/runtime/app-error.ts';
import { patience } from '../../../support/machine.ts';
import { pass, steerTime } from '../../../support/steered-time.ts';
import { type SilentServer, startSilentServer } from './silent-server.ts';

const ANSWER_MAX_MS = 5_000; // STATEMENT_TIMEOUT_MS and SILENCE_MS
const NETWORK_LIMIT_MS = patience(20_000);

let server: SilentServer;
let database: Database;
let release: () => void;
beforeEach(async () => {
  server = await startSilentServer();
  database = openDatabase({ url: server.url, schema: 'public', applicationName: 'tests', maxConnections: 2 });
  release = steerTime();
});
afterEach(async () => {
  server.stop();
  release();
});

/** What has become of it so far: nothing, `done`, or how it failed. */
const outcomeOf = (work: Promise<unknown>): (() => string) => {
  let outcome = 'nothing';
  work.then(
    () => {
      outcome = 'done';
    },
    (error: Error) => {
      outcome = databaseErrorCode(error);
    },
  );
  return () => outcome;
};
const databaseErrorCode = (error: unknown): string => {
  const known = databaseError(error);
  return known instanceof AppError ? known.code : String(known);
};
/** The network moves by itself; steered time does not. */
const networkUntil = async (check: () => boolean, what: string): Promise<void> => {
  for (const deadline = Date.now() + NETWORK_LIMIT_MS; !check(); await new Promise(setImmediate)) {
    if (Date.now() > deadline) throw new Error(`waited for ${what}`);
  }
};
/** Both connections, open and idle: the second is lent first. */
const openBoth = async (): Promise<void> => {
  const clients = await Promise.all([database.connect(), database.connect()]);
  for (const client of clients) client.release();
};

describe('a statement without an answer', () => {
  it('is given up after five seconds, and its connection is closed', async () => {
    await database.query('SELECT 1');
    server.silence();
    const outcome = outcomeOf(database.query('SELECT 2'));
    await pass(ANSWER_MAX_MS - 100);
    expect(outcome()).toBe('nothing');
    await pass(200);
    expect(outcome()).toBe('DATABASE_UNAVAILABLE');
    await networkUntil(() => server.connections[0]!.closed, 'the connection to be closed');
  });

  it('is given up after five seconds also when it has waited for its connection', async () => {
    await openBoth();
    server.silence();
    const waiting = [1, 2, 3, 4, 5].map((n) => outcomeOf(database.query(`SELECT ${n}`)));
    await pass(ANSWER_MAX_MS + 100);
    expect(waiting.map((outcome) => outcome())).toEqual(new Array(5).fill('DATABASE_UNAVAILABLE'));
  });

  it('is the last word on its connection: the transaction is not rolled back there', async () => {
    await database.query('SELECT 1');
    const [only] = server.connections;
    const outcome = outcomeOf(
      database.transaction(async (client) => {
        server.silence(only!);
        await client.query('UPDATE stock');
      }),
    );
    await networkUntil(() => only!.statements.includes('UPDATE stock'), 'the statement to arrive');
    await pass(ANSWER_MAX_MS + 100);
    expect(outcome()).toBe('DATABASE_UNAVAILABLE');
    await networkUntil(() => only!.closed, 'the connection to be closed');
    expect(only!.statements).toEqual(['SELECT 1', 'BEGIN', 'UPDATE stock']);
    await database.query('SELECT 2');
    expect(server.connections[1]!.statements).toEqual(['SELECT 2']);
  });

  it('puts the connections in doubt that were open with it', async () => {
    await openBoth();
    server.silence(...server.connections);
    const outcome = outcomeOf(database.query('SELECT 1'));
    await pass(ANSWER_MAX_MS + 100);
    expect(outcome()).toBe('DATABASE_UNAVAILABLE');
    await database.query('SELECT 2'); // at once, over a new one
    expect(server.connections.map(({ statements }) => statements)).toEqual([[], ['SELECT 1'], ['SELECT 2']]);
  });

  it('does not put those in doubt that have answered since', async () => {
    await openBoth();
    server.silence(server.connections[1]!);
    const outcome = outcomeOf(database.query('SELECT 1'));
    await pass(ANSWER_MAX_MS - 1_000);
    await database.query('SELECT 2');
    await pass(1_100);
    expect(outcome()).toBe('DATABASE_UNAVAILABLE');
    await database.query('SELECT 3');
    expect(server.connections.map(({ statements }) => statements)).toEqual([['SELECT 2', 'SELECT 3'], ['SELECT 1']]);
  });
});

describe('a statement that fails', () => {
  it('ends its transaction with ROLLBACK, and the connection is used again', async () => {
    server.fail('UPDATE stock', '40001');
    const failed = database.transaction((client) => client.query('UPDATE stock'));
    await expect(failed).rejects.toMatchObject({ code: '40001' });
    await database.query('SELECT 1');
    expect(server.connections.map(({ statements }) => statements)).toEqual([['BEGIN', 'UPDATE stock', 'ROLLBACK', 'SELECT 1']]);
  });
});
