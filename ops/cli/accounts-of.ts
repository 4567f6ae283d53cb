// ops/cli/accounts-of.ts: the accounts' tables for one verb of the operator's command line, brought up to date first.
// A user can be made before the api has ever run.

import { type AccountStore, createAccountStore } from '../../api/access/accounts/account-store.ts';
import { migrateAccounts } from '../../api/access/accounts/accounts-schema.ts';
import { openDatabase } from '../../shared/postgres/database.ts';
import type { Addresses } from './addresses.ts';

export const withAccounts = async <T>(addresses: Addresses, work: (store: AccountStore) => Promise<T>): Promise<T> => {
  const { DATABASE_URL: url, ACCOUNTS_SCHEMA: schema } = addresses;
  const database = openDatabase({ url, schema, applicationName: 'orders-cli', maxConnections: 1 });
  try {
    await migrateAccounts(database);
    return await work(createAccountStore(database));
  } finally {
    await database.end();
  }
};
