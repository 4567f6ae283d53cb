// api/access/accounts/account-store.ts: users and api clients in PostgreSQL, schema `accounts`.
// Each question is one statement, so that its answer is about one moment. Passing failures of the database are DATABASE_UNAVAILABLE.

import { randomUUIDv7 } from 'node:crypto';
import type { Database, Row } from '../../../shared/postgres/database.ts';
import { databaseError, isUndefinedTable } from '../../../shared/postgres/errors.ts';
import { AppError } from '../../../shared/runtime/app-error.ts';
import type { Role, UserRole } from '../roles.ts';

export interface User {
  userId: string;
  email: string;
  name: string;
  role: UserRole;
  /** Epoch milliseconds. */
  createdAt: number;
}

export interface NewUser {
  email: string;
  name: string;
  role: UserRole;
  passwordHash: string;
}

/** Who a credential can stand for, as access decides by it. */
export interface Principal {
  id: string;
  kind: 'user' | 'client';
  role: Role;
  /** Moves on with each new password. */
  version: number;
  /** Of an api client: SHA-256 of its secret. */
  secretHash: Buffer | null;
}

export interface NewClient {
  clientId: string;
  name: string;
  role: Role;
  secretHash: Buffer;
}

export interface AccountStore {
  createUser: (user: NewUser) => Promise<User | 'email_taken'>;
  readUser: (userId: string) => Promise<User | null>;
  /** Oldest first, those after this id. */
  listUsers: (afterId: string, limit: number) => Promise<User[]>;
  /** Changes what is given. A new password hash ends the tokens that there are. Null: there is no such user. */
  updateUser: (userId: string, changes: Partial<NewUser>) => Promise<User | 'email_taken' | null>;
  /** Nothing of the person is left in these tables; false: there was no such user. */
  eraseUser: (userId: string) => Promise<boolean>;
  credentialsOf: (email: string) => Promise<{ userId: string; passwordHash: string; version: number } | null>;
  principal: (id: string) => Promise<Principal | null>;
  createClient: (client: NewClient) => Promise<void>;
}

const UNIQUE_VIOLATION = '23505';

const USER = 'user_id, email, name, role, created_at';
const CREATE_USER = `
  INSERT INTO users (user_id, email, email_key, name, role, password_hash, created_at)
  VALUES ($1, $2, $3, $4, $5, $6, to_timestamp($7::float8 / 1000)) RETURNING ${USER}`;
const READ_USER = `SELECT ${USER} FROM users WHERE user_id = $1`;
// Ids begin with their time: their order is that of creation.
const LIST_USERS = `SELECT ${USER} FROM users WHERE user_id > $1 ORDER BY user_id LIMIT $2`;
const UPDATE_USER = `
  UPDATE users SET
    email = coalesce($2, email), email_key = coalesce($3, email_key), name = coalesce($4, name), role = coalesce($5, role),
    password_hash = coalesce($6, password_hash), credentials_version = credentials_version + ($6::text IS NOT NULL)::int
  WHERE user_id = $1 RETURNING ${USER}`;
const ERASE_USER = 'DELETE FROM users WHERE user_id = $1';
const CREDENTIALS = 'SELECT user_id, password_hash, credentials_version FROM users WHERE email_key = $1';
const PRINCIPAL = `
  SELECT 'user' AS kind, role, credentials_version AS version, NULL::bytea AS secret_hash FROM users WHERE user_id = $1
  UNION ALL SELECT 'client', role, 0, secret_hash FROM clients WHERE client_id = $1`;
const CREATE_CLIENT = 'INSERT INTO clients (client_id, name, role, secret_hash) VALUES ($1, $2, $3, $4)';

interface UserRow extends Row {
  user_id: string;
  email: string;
  name: string;
  role: UserRole;
  created_at: number;
}

/** Emails are the same whatever their case. */
export const emailKey = (email: string): string => email.normalize('NFC').toLowerCase();

/** Epoch milliseconds in which a UUID of version 7 was made (RFC 9562): by another clock the list's order and its times would differ. */
const timeIn = (id: string): number => Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);

export const createAccountStore = (database: Database): AccountStore => {
  const rows = async <R extends Row>(text: string, values: unknown[]): Promise<R[]> =>
    (await answered(database.query<R>(text, values))).rows;
  const one = async (text: string, values: unknown[]): Promise<User | null> => {
    const [row] = await rows<UserRow>(text, values);
    return row === undefined ? null : userOf(row);
  };
  const unlessTaken = async <T>(written: Promise<T>): Promise<T | 'email_taken'> => {
    try {
      return await written;
    } catch (error) {
      if ((error as { code?: unknown }).code === UNIQUE_VIOLATION) return 'email_taken';
      throw error;
    }
  };
  return {
    createUser: async ({ email, name, role, passwordHash }) => {
      const id = randomUUIDv7();
      const created = await unlessTaken(one(CREATE_USER, [id, email, emailKey(email), name, role, passwordHash, timeIn(id)]));
      return created!;
    },
    readUser: (userId) => one(READ_USER, [userId]),
    listUsers: async (afterId, limit) => (await rows<UserRow>(LIST_USERS, [afterId, limit])).map(userOf),
    updateUser: (userId, { email, name, role, passwordHash }) =>
      unlessTaken(one(UPDATE_USER, [userId, email, email === undefined ? undefined : emailKey(email), name, role, passwordHash])),
    eraseUser: async (userId) => (await answered(database.query(ERASE_USER, [userId]))).rowCount === 1,
    credentialsOf: async (email) => {
      if (email.includes('\0')) return null; // PostgreSQL has no such text
      const [row] = await rows<{ user_id: string; password_hash: string; credentials_version: number }>(CREDENTIALS, [emailKey(email)]);
      return row === undefined ? null : { userId: row.user_id, passwordHash: row.password_hash, version: row.credentials_version };
    },
    principal: async (id) => {
      const [row] = await rows<{ kind: 'user' | 'client'; role: Role; version: number; secret_hash: Buffer | null }>(PRINCIPAL, [id]);
      return row === undefined ? null : { id, kind: row.kind, role: row.role, version: row.version, secretHash: row.secret_hash };
    },
    createClient: async ({ clientId, name, role, secretHash }) => {
      await rows(CREATE_CLIENT, [clientId, name, role, secretHash]);
    },
  };
};

const userOf = ({ user_id, email, name, role, created_at }: UserRow): User => ({
  userId: user_id,
  email,
  name,
  role,
  createdAt: created_at,
});

const answered = async <T>(query: Promise<T>): Promise<T> => {
  try {
    return await query;
  } catch (error) {
    if (!isUndefinedTable(error)) throw databaseError(error);
    throw new AppError('DATABASE_UNAVAILABLE', 'The tables of the accounts have not been created yet.', error);
  }
};
