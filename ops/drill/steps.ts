// ops/drill/steps.ts: what an operator does, in the words of docs/recovery.md.

import { openDatabase, quoteIdentifier } from '../../shared/postgres/database.ts';
import { listKept } from '../../shared/postgres/kept-schemas.ts';
import { AppError } from '../../shared/runtime/app-error.ts';
import type { Caller } from './caller.ts';
import type { DrillStack } from './drill-stack.ts';

/** Runs a command that must succeed. */
export const orders = async (stack: DrillStack, ...args: string[]): Promise<void> => {
  const { code, said } = await stack.orders(args);
  if (code !== 0) throw new AppError('LOCAL_STACK', `npm run orders -- ${args.join(' ')} ended with ${code}: ${said}`);
};

export const rebuild = (stack: DrillStack): Promise<void> => orders(stack, 'rebuild');

/** Something happens to what is stored while nothing runs; then all of it is started again. */
export const whileStopped = async (stack: DrillStack, happens: () => unknown): Promise<void> => {
  await stack.stop();
  await happens();
  stack.begin();
};

/** Stops every role, repairs with the broker and the database alone, and starts all of it again. */
export const withoutRoles = async (stack: DrillStack, repair: () => Promise<void>): Promise<void> => {
  await stack.stop();
  stack.begin({ withoutRoles: true });
  await stack.ready();
  await repair();
  await stack.stop();
  stack.begin();
};

/** The log from the archive, then ledger and read model from the log. */
export const restoreLog = (stack: DrillStack): Promise<void> => restoreThen(stack, 'rebuild');

/** The same where the topic `products` is lost too: the ledger alone knows them; it is kept, and they are created again from it. */
export const restoreLogWithoutProducts = async (stack: DrillStack, caller: Caller): Promise<void> => {
  await restoreThen(stack, 'rebuild', '--accept-loss');
  await createProductsAgain(await stack.ready(), stack.addresses().database, caller);
};

const restoreThen = (stack: DrillStack, ...command: string[]): Promise<void> =>
  withoutRoles(stack, async () => {
    await orders(stack, 'restore-log', '--dry-run');
    await orders(stack, 'restore-log');
    await orders(stack, ...command);
  });

/** All units that were ever put in: what the orders took of them, the ledger counts from the restored log. */
const createProductsAgain = async (api: string, url: string, { headers }: Caller): Promise<void> => {
  for (const product of await readKeptProducts(url)) {
    const body = JSON.stringify(product);
    const response = await fetch(`${api}/products`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers() },
      body,
    });
    if (response.status !== 201) throw new AppError('LOCAL_STACK', `The product could not be created again: ${await response.text()}`);
  }
};

const readKeptProducts = async (url: string): Promise<object[]> => {
  const database = openDatabase({ url, schema: 'public', applicationName: 'drill', maxConnections: 1 });
  try {
    const [kept] = await listKept(database, ['ledger']);
    const { rows } = await database.query<{ price: string; stock: string }>(
      `SELECT product_id, name, price_minor / 100.0 AS price, put_in AS stock FROM ${quoteIdentifier(kept!.name)}.products`,
    );
    return rows.map((row) => ({ ...row, price: Number(row.price), stock: Number(row.stock) }));
  } finally {
    await database.end();
  }
};
