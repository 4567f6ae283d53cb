// tests/simulation/single-role/ledger.ts: the stock ledger's own transactions, of two processes at once.
// On rows that are locked one by one and on connections that break after a commit: whose partition it is not writes nothing, and who owns it
// always can (R8); nobody ever waits for somebody who waits for them (R15); what was decided for a later version stays (R4).

import type { StartCopy } from '../../../processor/consumer-group.ts';
import type { Ledger, StockStep } from '../../../processor/ledger/ledger.ts';
import { createPostgresLedger } from '../../../processor/ledger/postgres-ledger.ts';
import { AppError } from '../../../shared/runtime/app-error.ts';
import { type Simulation, simulate } from '../kernel/simulation.ts';
import type { RunWorld } from '../world.ts';
import { type LockingTables, lockingDatabase, TOPIC } from './locking-database.ts';

const PRODUCTS = ['p1', 'p2', 'p3', 'p4'];
const ROUNDS = 6;
const ORDERS = 3; // of each partition
const NOTHING_COMMITTED = new Map();
const STAMP = { newId: () => 'unused', now: () => 0 };
const TRIES_MAX = 50; // each is lost with a small probability
const LOST = 0.15;

const emptyTables = (): LockingTables => ({
  fences: new Map(),
  products: new Map(PRODUCTS.map((id) => [id, { put_in: 1_000, reserved: 0, sold: 0 }])),
  reservations: new Map(),
  locks: new Map(),
  waits: new Map(),
  deadlocks: [],
  complete: true,
  wentBack: false,
  unsent: LOST,
  unanswered: LOST,
});

/** Asks again as long as the database does not answer, as a processor does. */
const insist = async <T>(call: () => Promise<T>): Promise<T> => {
  for (let tries = 1; ; tries += 1) {
    try {
      return await call();
    } catch (error) {
      if (tries === TRIES_MAX || !(error instanceof AppError && error.retryable)) throw error;
    }
  }
};

const LIMIT_MS = 60_000; // a hundred times what a seed takes

export const ledger: RunWorld = (seed, onTrace) => {
  const sim = simulate(seed, { calmFrom: Infinity, onTrace });
  return sim.runToEnd(LIMIT_MS, () => transactions(sim));
};

const transactions = async (sim: Simulation): Promise<string[]> => {
  const next = sim.random;
  const tables = emptyTables();
  const process = (name: string) => createPostgresLedger(lockingDatabase(name, tables, sim), STAMP);
  const claim = (owner: Ledger, partition: number, committed = NOTHING_COMMITTED) =>
    insist(() => owner.claim(TOPIC, [partition], committed));
  const owners = [process('one'), process('other')];
  for (const [partition, owner] of owners.entries()) await claim(owner, partition);

  const versionOf = (orderId: string): number => tables.reservations.get(orderId)?.version ?? 0;
  const asked = (partition: number): StockStep => {
    const wanted = PRODUCTS.filter(() => next() < 0.7);
    const lines = (wanted.length > 0 ? wanted : PRODUCTS).map((product_id) => ({ product_id, quantity: 1 }));
    const [orderId, version] = [`o-${partition}-${Math.floor(next() * ORDERS)}`, 1 + Math.floor(next() * 3)];
    return { partition, orderId, version, do: next() < 0.7 ? 'decide' : 'hold', lines };
  };
  const found: string[] = [];
  const round = async (owner: Ledger, step: StockStep): Promise<void> => {
    const before = versionOf(step.orderId);
    const [decision] = await insist(() => owner.moveStock(TOPIC, [step])).catch((error: unknown) => [`it could not: ${String(error)}`]);
    const expected = step.do === 'hold' ? 'done' : step.version < before ? 'stale' : 'reserved';
    if (decision !== expected) found.push(`${step.do} ${step.version} of an order decided for ${before} is ${decision}, not ${expected}`);
    if (versionOf(step.orderId) !== Math.max(before, step.version))
      found.push(`${step.do} ${step.version} has left ${step.orderId} decided for ${versionOf(step.orderId)}, it was for ${before}`);
  };
  for (let n = 0; n < ROUNDS; n += 1) await Promise.all(owners.map((owner, partition) => round(owner, asked(partition))));

  // An owner is in doubt whether it has written, and then somebody else claims its partition, or the database goes back.
  const backup = new Map(tables.fences);
  await round(owners[1]!, asked(1));
  for (const [partition, owner] of owners.entries()) {
    const fate = next() < 0.5 ? { unsent: 1 } : { unanswered: 1 };
    if (next() < 0.7) Object.assign(tables, fate);
    await owner.moveStock(TOPIC, [asked(partition)]).catch(() => {});
    Object.assign(tables, { unsent: LOST, unanswered: LOST });
  }
  await claim(process('heir'), 0);
  tables.fences.set(1, backup.get(1)!);
  for (const [partition, owner] of owners.entries()) {
    const late = await insist(() => owner.moveStock(TOPIC, [asked(partition)])).then(
      () => 'it was written',
      (error: { code?: string }) => error.code,
    );
    // Fenced: by its heir; or because it has found out that the database went back, and the answer to that was lost.
    if (late !== 'LEDGER_FENCED' && (partition === 0 || late !== 'LEDGER_WENT_BACK'))
      found.push(`a process decided for a partition that is not its own any more: ${late}`);
  }
  if (!tables.wentBack || (await claim(process('early'), 1)).ok)
    found.push('a ledger that has lost commits is claimed before it was made again');
  tables.wentBack = false;
  const claimBeside = async (copy: (row: { epoch: number; sequence: number }) => StartCopy) =>
    (await claim(process('successor'), 0, new Map([[TOPIC, new Map([[0, copy(tables.fences.get(0)!)]])]]))).ok;
  if (await claimBeside(() => ({ offset: 1, stamp: null }))) found.push('a ledger is claimed whose start lies behind its copy');
  tables.wentBack = false;
  if (await claimBeside(({ epoch, sequence }) => ({ offset: 0, stamp: { epoch, sequence: sequence + 1 } })))
    found.push('a ledger is claimed whose stamp lies behind its copy');
  tables.wentBack = false;
  if (!(await claimBeside(({ epoch, sequence }) => ({ offset: 0, stamp: { epoch, sequence } }))))
    found.push('a ledger that is as its copy says is not claimed');
  tables.complete = false;
  if ((await claim(process('hasty'), 1)).ok) found.push('a ledger that does not contain the whole log is claimed');

  // A partition is taken away and comes back while a transaction about it is under way: its answer counts for the ownership before.
  tables.complete = true;
  const returning = process('returning');
  await claim(returning, 1);
  for (let n = 0; n < ROUNDS; n += 1) {
    let isAway = false;
    const underWay = returning.moveStock(TOPIC, [asked(1)]).then(
      () => (isAway ? returning.stampOf({ topic: TOPIC, partition: 1 }) : null),
      () => null,
    );
    if (next() < 0.7) await sim.pause(sim.between(0, 10));
    returning.forget(TOPIC, [1]);
    isAway = true;
    const claimed = claim(returning, 1);
    if ((await underWay) !== null) found.push('the answer of a commit makes a partition its own that was taken away');
    await claimed;
    const own = await insist(() => returning.moveStock(TOPIC, [asked(1)])).catch((error: unknown) => error);
    if (!Array.isArray(own)) found.push(`a process could not decide for a partition that came back: ${String(own)}`);
  }
  for (const [id, { reserved }] of tables.products) {
    const lines = [...tables.reservations.values()].flatMap((row) => row.lines as { product_id: string; quantity: number }[]);
    const held = lines.filter(({ product_id }) => product_id === id).reduce((sum, { quantity }) => sum + quantity, 0);
    if (held !== reserved) found.push(`${reserved} of ${id} are reserved, reservations hold ${held}`);
  }
  return [...tables.deadlocks, ...found];
};
