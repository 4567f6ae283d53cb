// tests/integration/processor/maintenance-lock.test.ts: one tool of an operator at a time, and the next one as soon as it has ended.

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Database, openDatabase } from '../../../shared/postgres/database.ts';
import { underMaintenanceLock } from '../../../shared/postgres/maintenance-lock.ts';
import { uniqueName } from '../../support/builders/unique-name.ts';

let database: Database;

beforeAll(() => {
  database = openDatabase({ url: inject('stack').database, schema: uniqueName('locked'), applicationName: 'tests' });
});
afterAll(() => database.end());

const done = async (): Promise<string> => 'done';
const refused = { code: 'MAINTENANCE_RUNNING' };

describe.each(['exclusive', 'shared'] as const)('under the %s lock', (mode) => {
  it('lets nobody change anything meanwhile, and the next one as soon as it has ended', async () => {
    // Closing a connection takes PostgreSQL a moment; here it never happens.
    const left: (() => void)[] = [];
    const keptOpen: Database = {
      ...database,
      connect: async () => {
        const client = await database.connect();
        const release = client.release.bind(client);
        client.release = () => void left.push(() => release(true));
        return client;
      },
    };
    const meanwhile = (): Promise<string> => underMaintenanceLock(database, 'exclusive', done);
    try {
      await underMaintenanceLock(keptOpen, mode, () => expect(meanwhile()).rejects.toMatchObject(refused));
      expect(await meanwhile()).toBe('done');
      const failing = underMaintenanceLock(keptOpen, mode, () => Promise.reject(new Error('the work fails')));
      await expect(failing).rejects.toThrow('the work fails');
      expect(await meanwhile()).toBe('done');
    } finally {
      for (const close of left) close();
    }
  });
});

it('lets several tools look at once', async () => {
  expect(await underMaintenanceLock(database, 'shared', () => underMaintenanceLock(database, 'shared', done))).toBe('done');
});
