// Users and api clients in a real PostgreSQL.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type AccountStore, createAccountStore, type NewUser } from '../../../api/access/accounts/account-store.ts';
import { migrateAccounts } from '../../../api/access/accounts/accounts-schema.ts';
import { newClientId, newSecret, secretHash } from '../../../api/access/client-secrets.ts';
import { type Database, openDatabase } from '../../../shared/postgres/database.ts';
import { uniqueName } from '../../support/builders/unique-name.ts';

let database: Database;
let store: AccountStore;
const schema = uniqueName('accounts');
beforeAll(async () => {
  database = openDatabase({ url: inject('stack').database, schema, applicationName: 'tests' });
  store = createAccountStore(database);
});
afterAll(async () => {
  await database.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
  await database.end();
});

const person = (email: string, more: Partial<NewUser> = {}): NewUser => ({
  email,
  name: 'Ada',
  role: 'customer',
  passwordHash: 'h1',
  ...more,
});
const added = async (email: string) => {
  const user = await store.createUser(person(email));
  if (user === 'email_taken') throw new Error(`${email} is taken`);
  return user;
};

describe('the schema of the accounts', () => {
  it('is said to be unavailable, not broken, while it is not there', async () => {
    await expect(store.readUser('x')).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  });

  it('can be brought up by many instances at once', async () => {
    const ran = await Promise.all([1, 2, 3, 4].map(() => migrateAccounts(database)));
    const files = readdirSync(join(import.meta.dirname, '../../../api/access/accounts/schema'));
    expect(ran.flat()).toHaveLength(files.length);
    expect(await migrateAccounts(database)).toEqual([]);
  });
});

describe('a user', () => {
  it('is read as it was created', async () => {
    const user = await added('Ada.Lovelace@Example.com');
    expect(user).toEqual({
      userId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      email: 'Ada.Lovelace@Example.com',
      name: 'Ada',
      role: 'customer',
      createdAt: expect.any(Number),
    });
    expect(await store.readUser(user.userId)).toEqual(user);
    expect(await store.credentialsOf('ADA.lovelace@example.COM')).toEqual({ userId: user.userId, passwordHash: 'h1', version: 1 });
  });

  it('has an email that nobody else has in any case, also of those who come at the same moment', async () => {
    const spellings = ['eve@example.com', 'Eve@example.com', 'EVE@EXAMPLE.COM', 'eVe@example.com'];
    const results = await Promise.all(spellings.map((email) => store.createUser(person(email))));
    expect(results.filter((result) => result === 'email_taken')).toHaveLength(3);
  });

  it('changes in what is given and in nothing else', async () => {
    const user = await added('change@example.com');
    expect(await store.updateUser(user.userId, { name: 'Grace' })).toEqual({ ...user, name: 'Grace' });
    expect(await store.updateUser(user.userId, { role: 'operator', email: 'CHANGE@example.com' })).toEqual({
      ...user,
      name: 'Grace',
      role: 'operator',
      email: 'CHANGE@example.com',
    });
    expect(await store.credentialsOf('change@example.com')).toMatchObject({ passwordHash: 'h1', version: 1 });
    await store.updateUser(user.userId, { passwordHash: 'h2' });
    expect(await store.principal(user.userId)).toMatchObject({ kind: 'user', role: 'operator', version: 2 });
    expect(await store.updateUser(user.userId, {})).toMatchObject({ name: 'Grace' });
  });

  it('cannot take the email of another', async () => {
    await added('first@example.com');
    const second = await added('second@example.com');
    expect(await store.updateUser(second.userId, { email: 'FIRST@example.com' })).toBe('email_taken');
    expect(await store.updateUser('nobody', { name: 'x' })).toBeNull();
  });

  it('is listed oldest first, page by page, each once', async () => {
    const all = await store.listUsers('', 100);
    const seen: string[] = [];
    for (let after = ''; ; ) {
      const page = await store.listUsers(after, 2);
      seen.push(...page.map(({ userId }) => userId));
      if (page.length < 2) break;
      after = page.at(-1)!.userId;
    }
    expect(seen).toEqual(all.map(({ userId }) => userId));
    expect(all.map(({ createdAt }) => createdAt)).toEqual(all.map(({ createdAt }) => createdAt).sort((a, b) => a - b));
  });

  it('is erased from every table: nothing of the person can be found in the whole schema', async () => {
    const user = await store.createUser(person('erase-me@example.com', { name: 'Erasmus Erased', passwordHash: 'his-hash' }));
    if (user === 'email_taken') throw new Error('taken');
    expect(await store.eraseUser(user.userId)).toBe(true);
    expect(await store.eraseUser(user.userId)).toBe(false);
    expect(await store.readUser(user.userId)).toBeNull();
    expect(await store.principal(user.userId)).toBeNull();
    expect(await store.credentialsOf('erase-me@example.com')).toBeNull();
    const { rows: tables } = await database.query<{ table_name: string }>(
      'SELECT table_name FROM information_schema.tables WHERE table_schema = $1',
      [schema],
    );
    expect(tables.length).toBeGreaterThan(1);
    for (const { table_name } of tables) {
      const { rows } = await database.query<{ text: string }>(`SELECT t::text AS text FROM ${schema}.${table_name} t`);
      for (const { text } of rows) expect(text).not.toMatch(/erase-me|Erasmus|his-hash/i);
    }
    expect(await store.createUser(person('erase-me@example.com'))).not.toBe('email_taken');
  });

  it('with a NUL in the email does not exist', async () => {
    expect(await store.credentialsOf('a\0b@example.com')).toBeNull();
  });
});

describe('an api client', () => {
  it('has a role, and of its secret only the hash is stored', async () => {
    const clientId = newClientId();
    const secret = newSecret();
    await store.createClient({ clientId, name: 'shop', role: 'operator', secretHash: secretHash(secret) });
    expect(await store.principal(clientId)).toEqual({
      id: clientId,
      kind: 'client',
      role: 'operator',
      version: 0,
      secretHash: secretHash(secret),
    });
    const { rows } = await database.query<{ text: string }>('SELECT t::text AS text FROM clients t');
    expect(rows.some(({ text }) => text.includes(secret))).toBe(false);
  });

  it('may be a fulfiller, which no user can be', async () => {
    const clientId = newClientId();
    await store.createClient({ clientId, name: 'warehouse', role: 'fulfiller', secretHash: secretHash(newSecret()) });
    expect(await store.principal(clientId)).toMatchObject({ kind: 'client', role: 'fulfiller' });
    await expect(database.query("UPDATE users SET role = 'fulfiller'")).rejects.toThrow('users_role_check');
  });
});

describe('the read model', () => {
  it('has no table of the accounts, and no rebuild names their schema', () => {
    const projector = readdirSync(join(import.meta.dirname, '../../../projector'), { recursive: true, encoding: 'utf8' });
    const sources = projector.filter((name) => /\.(ts|sql)$/.test(name));
    expect(sources.length).toBeGreaterThan(10);
    for (const name of sources) {
      expect(readFileSync(join(import.meta.dirname, '../../../projector', name), 'utf8'), name).not.toMatch(/\b(accounts|users|clients)\b/);
    }
  });
});
