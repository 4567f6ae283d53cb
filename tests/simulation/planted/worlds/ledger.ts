// tests/simulation/planted/worlds/ledger.ts: the stock ledger's own transactions, of two processes at once, on rows that are locked one by
// one: whose partition it is not writes nothing (R8), and nobody ever waits for somebody who waits for them (R15).

import type { StockStep } from '../../../../processor/ledger/ledger.ts';
import { createPostgresLedger } from '../../../../processor/ledger/postgres-ledger.ts';
import { random } from '../../../support/simulation.ts';
import { type LockingTables, lockingDatabase } from './locking-database.ts';

const PRODUCTS = ['p1', 'p2', 'p3', 'p4'];
const ROUNDS = 6;
const NOTHING_COMMITTED = new Map();
const STAMP = { newId: () => 'unused', now: () => 0 };

const emptyTables = (): LockingTables => ({
  fences: new Map(),
  products: new Map(PRODUCTS.map((id) => [id, { put_in: 1_000, reserved: 0, sold: 0 }])),
  reservations: new Map(),
  locks: new Map(),
  waits: new Map(),
  deadlocks: [],
});

export const ledger = async (seed: number): Promise<string[]> => {
  const next = random(seed);
  const tables = emptyTables();
  const process = (name: string) => createPostgresLedger(lockingDatabase(name, tables, next), STAMP);
  const owners = [process('one'), process('other')];
  for (const [partition, owner] of owners.entries()) await owner.claim('orders', [partition], NOTHING_COMMITTED);

  const ordered = (partition: number, round: number): StockStep => {
    const wanted = PRODUCTS.filter(() => next() < 0.7);
    const lines = (wanted.length > 0 ? wanted : PRODUCTS).map((product_id) => ({ product_id, quantity: 1 }));
    return { partition, orderId: `o-${partition}-${round}`, version: 1, do: 'decide', lines };
  };
  const found: string[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const calls = owners.map((owner, partition) => owner.moveStock('orders', [ordered(partition, round)]));
    const failed = (await Promise.allSettled(calls)).filter(({ status }) => status === 'rejected');
    found.push(...failed.map((each) => `an owner could not decide: ${(each as PromiseRejectedResult).reason}`));
  }
  await process('heir').claim('orders', [0], NOTHING_COMMITTED);
  const late = await owners[0]!.moveStock('orders', [ordered(0, ROUNDS)]).then(
    () => 'it was written',
    (error: { code?: string }) => error.code,
  );
  if (late !== 'LEDGER_FENCED') found.push(`a process decided for a partition that is another's: ${late}`);
  for (const [id, { reserved }] of tables.products) {
    const lines = [...tables.reservations.values()].flatMap((row) => row.lines as { product_id: string; quantity: number }[]);
    const held = lines.filter(({ product_id }) => product_id === id).reduce((sum, { quantity }) => sum + quantity, 0);
    if (held !== reserved) found.push(`${reserved} of ${id} are reserved, reservations hold ${held}`);
  }
  return [...tables.deadlocks, ...found];
};
