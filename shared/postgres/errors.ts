// shared/postgres/errors.ts: which failures of the database pass by themselves. Everything else is ours: a bug or a schema
// that does not fit.

import { AppError } from '../runtime/app-error.ts';
import { isTlsError } from '../runtime/tls-errors.ts';

/**
 * SQLSTATE classes and codes after which the same transaction may succeed: connection lost (08), out of disk, memory or
 * connections (53), shutting down or starting (57P), canceled or timed out (57014), a standby that is not promoted yet
 * (25006), a transaction that stood still (25P03), lost against another transaction (40, 55P03), I/O error (58).
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const PASSING_STATE = /^(08|53|57P|57014|25006|25P03|40|55P03|58)/;
const NETWORK_CODE = /^E[A-Z]+$/; // ECONNREFUSED, ECONNRESET, ENOTFOUND, EPIPE, …
// What pg and pg-pool say about a connection; they give these no code.
const CONNECTION_MESSAGE =
  /^(Connection terminated|Query read timeout|timeout exceeded|Client (has encountered|was closed)|timeout expired)/;

/** Wraps a passing failure as DATABASE_UNAVAILABLE; returns anything else as it is. */
export const databaseError = (error: unknown): unknown => {
  if (!(error instanceof Error) || error instanceof AppError) return error;
  const code = (error as Error & { code?: unknown }).code;
  const state = typeof code === 'string' ? code : '';
  const passing = PASSING_STATE.test(state) || NETWORK_CODE.test(state) || CONNECTION_MESSAGE.test(error.message);
  return passing ? new AppError('DATABASE_UNAVAILABLE', `The database did not answer as it should: ${error.message}`, error) : error;
};

const NO_ANSWER = 'Query read timeout'; // pg's own, without a code
const CAUSES_MAX = 5;

/** A statement got no answer at all, not even that its time is over: nothing more can be said on its connection. */
export const isSilence = (error: unknown): boolean => {
  for (let cause = error, depth = 0; cause instanceof Error && depth < CAUSES_MAX; cause = cause.cause, depth += 1) {
    if (cause.message === NO_ANSWER) return true;
  }
  return false;
};

const UNDEFINED_TABLE = '42P01';

/** The tables have not been made yet: each schema is made by the role that writes it. */
export const isUndefinedTable = (error: unknown): boolean => (error as { code?: unknown } | null)?.code === UNDEFINED_TABLE;

const WRONG_CREDENTIALS = /^28/; // invalid_authorization_specification, invalid_password; no line of pg_hba.conf is one of them
// What pg says about its own part of the handshakes, without a code.
const HANDSHAKE_MESSAGE = /^(SASL: |The server does not support SSL|There was an error establishing an SSL)/;

/** SECURITY_MISMATCH if the server does not let us in, or is not the one that it should be; else null. */
export const refusalIn = (error: unknown): AppError | null => {
  if (!(error instanceof Error)) return null;
  const { code } = error as Error & { code?: unknown };
  const refused = (typeof code === 'string' && WRONG_CREDENTIALS.test(code)) || HANDSHAKE_MESSAGE.test(error.message) || isTlsError(error);
  return refused ? new AppError('SECURITY_MISMATCH', `Cannot connect to PostgreSQL: ${error.message}.`, error) : null;
};
