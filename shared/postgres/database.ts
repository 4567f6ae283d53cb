// shared/postgres/database.ts: the only import of pg. Connections see one schema (first on the search path), read bigint as
// number and timestamptz as epoch milliseconds, and give up after bounded times.

import pg, { type PoolClient, type QueryResultRow } from 'pg';
import { AppError } from '../runtime/app-error.ts';
import { inTime } from '../runtime/within.ts';
import { databaseConnection } from './connection.ts';
import { isSilence, refusalIn } from './errors.ts';
import { createLentConnections, type LentConnections } from './lent-connections.ts';

export type Client = PoolClient;
export type Row = QueryResultRow;

/** A statement that each connection prepares once, under its name, and then only executes. */
export interface PreparedStatement {
  name: string;
  text: string;
  values: unknown[];
}

/** What a query needs: a pool or a client inside a transaction. */
export interface Queryable {
  query<R extends Row = Row>(statement: string | PreparedStatement, values?: unknown[]): Promise<{ rows: R[]; rowCount: number | null }>;
}

export interface Database extends Queryable {
  readonly schema: string;
  connect(): Promise<Client>;
  /**
   * Runs `work` in one transaction; commits when it resolves, rolls back and rethrows when it rejects. After a statement without an answer
   * the connection is closed instead: the server rolls back what it had not committed.
   */
  transaction<T>(work: (client: Client) => Promise<T>, begin?: string): Promise<T>;
  end(): Promise<void>;
}

/** Begins a transaction in which all statements see one moment, and that changes nothing: for `transaction`. */
export const BEGIN_SNAPSHOT = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY';

export interface DatabaseOptions {
  url: string;
  /** The schema that unqualified names mean; quoted here, so any name is safe. */
  schema: string;
  applicationName: string;
  /** Each role of each instance holds this many at most: three roles of two instances stay far below PostgreSQL's 100. */
  maxConnections?: number;
  /** Default 4 s: statements of the roles take milliseconds. 0 for the operator's tools, whose statements may take hours. */
  statementTimeoutMs?: number;
  /** Server settings of every connection, over the ones below: `{ synchronous_commit: 'off' }`. Values are ours, never a caller's. */
  settings?: Readonly<Record<string, string | number>>;
  /** Called when connections are lost (server restarted), once for all that were open then; the pool replaces them by itself. */
  onError?: (error: Error) => void;
}

// For a place in the pool and a new connection together: callers wait as long for an answer, and then hear that there is none.
const CONNECT_TIMEOUT_MS = 5_000;
// A statement of ours takes milliseconds; one that takes this long waits for something that will not come. With the silence it is 5 s.
const STATEMENT_TIMEOUT_MS = 4_000;
// The server answers a timed-out statement; one that says nothing for this much longer stands still, or is gone without closing the connection.
const SILENCE_MS = 1_000;
// Ten connections with statements of a millisecond serve this many in a tenth of a second. Behind more, a caller gives up first.
const WAITING_MAX = 1_000;
const KEEP_ALIVE_AFTER_MS = 10_000;
const IDLE_TIMEOUT_MS = 60_000;

const { INT8, TIMESTAMPTZ } = pg.types.builtins;

/** int8 as number (all of ours are far below 2^53) and timestamptz as epoch milliseconds. */
const types = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') => {
    if (oid === INT8) return Number;
    if (oid === TIMESTAMPTZ) return (text: string) => Date.parse(text);
    return pg.types.getTypeParser(oid, format as 'text');
  }) as typeof pg.types.getTypeParser,
};

/** A connection pool. Nothing connects before the first query. Throws CONFIG_INVALID for a URL that cannot be used. */
export const openDatabase = (options: DatabaseOptions): Database => {
  const statementTimeoutMs = options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS;
  const answerMaxMs = statementTimeoutMs === 0 ? 0 : statementTimeoutMs + SILENCE_MS;
  const { url, ssl } = databaseConnection(options.url);
  const pool = new pg.Pool({
    connectionString: url,
    ssl,
    application_name: options.applicationName,
    max: options.maxConnections ?? 10,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    query_timeout: answerMaxMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    options: startupOptions(options, { statementTimeoutMs, answerMaxMs }),
    types,
  });
  let losses = 0;
  const lost = (error: Error): void => {
    losses += 1;
    Reflect.deleteProperty(error, 'client'); // pg-pool adds the whole connection, which does not belong in a log
    options.onError?.(error);
  };
  pool.on('error', () => undefined); // of an idle connection, which tells it too
  // A connection that is lost while it is lent out rejects its query and also emits an error, which would end the process.
  pool.on('connect', (client) => {
    const lossesBefore = losses;
    client.on('error', (error) => lossesBefore === losses && lost(error));
  });

  const lent = createLentConnections(pool, answerMaxMs);
  const connect = async (): Promise<Client> => {
    if (pool.waitingCount >= WAITING_MAX) throw new AppError('DATABASE_UNAVAILABLE', 'Too many statements wait for a connection.');
    return lent.lend().catch(throwRefusal);
  };
  const query: Database['query'] = async (statement, values) => {
    const client = await connect();
    try {
      const result = await client.query(statement, values);
      lent.giveBack(client);
      return result as never;
    } catch (error) {
      lent.close(client, error);
      throw refusalIn(error) ?? error;
    }
  };
  return {
    schema: options.schema,
    query: answerMaxMs === 0 ? query : (statement, values) => inTime(answerMaxMs, query(statement, values), noAnswer),
    connect,
    transaction: async (work, begin = 'BEGIN') => inTransaction(lent, await connect(), begin, work),
    end: () => pool.end(),
  };
};

/** For the wait for a connection and the one for the answer together, which have a limit each. */
const noAnswer = (): AppError => new AppError('DATABASE_UNAVAILABLE', 'The database did not answer in time.');

const inTransaction = async <T>(lent: LentConnections, client: Client, begin: string, work: (client: Client) => Promise<T>): Promise<T> => {
  try {
    await client.query(begin);
    const result = await work(client);
    await client.query('COMMIT');
    lent.giveBack(client);
    return result;
  } catch (error) {
    const failure = await failureToRollBack(client, error);
    if (failure === null) lent.giveBack(client);
    else lent.close(client, failure);
    throw error;
  }
};

/** Null: rolled back, and the connection is as good as before. */
const failureToRollBack = async (client: Client, error: unknown): Promise<unknown> => {
  if (isSilence(error)) return error; // ROLLBACK would wait as long again, behind the statement without an answer
  try {
    await client.query('ROLLBACK');
    return null;
  } catch (failure) {
    return failure;
  }
};

const throwRefusal = (error: unknown): never => {
  throw refusalIn(error) ?? error;
};

/** Time zone and date style are fixed because timestamps are parsed from text. */
const startupOptions = ({ schema, settings }: DatabaseOptions, limits: { statementTimeoutMs: number; answerMaxMs: number }): string => {
  const all = {
    search_path: `${quoteIdentifier(schema)},accounts,public`,
    statement_timeout: limits.statementTimeoutMs,
    // Of a client behind a half-open connection the server hears nothing more: its transaction would keep its locks for hours.
    idle_in_transaction_session_timeout: limits.answerMaxMs,
    TimeZone: 'UTC',
    DateStyle: 'ISO',
    ...settings,
  };
  return Object.entries(all)
    .map(([name, value]) => `-c ${name}=${String(value).replaceAll(/[\\ ]/g, '\\$&')}`)
    .join(' ');
};

export const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
