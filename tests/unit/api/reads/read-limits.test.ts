// How long a read waits for a log or a database that does not answer: by one limit, whatever it has waited for before.

import { beforeEach, describe, expect, it } from 'vitest';
import { createReadToEnd } from '../../../../api/products/read-to-end.ts';
import { createConsistency } from '../../../../api/reads/consistency.ts';
import type { LookedUp } from '../../../../api/reads/read-model.ts';
import { createReadOrder } from '../../../../api/reads/read-order.ts';
import { createRowLookup } from '../../../../api/reads/row-lookup.ts';
import { AppError } from '../../../../shared/runtime/app-error.ts';
import { pass, steerTime } from '../../../support/steered-time.ts';

const READ_MAX_MS = 5_000;
const TOKEN_MAX_MS = 2_000;
const NONE: LookedUp = { checkpoint: 0, stored: null };
const never = () => new Promise<never>(() => {});
const later = <T>(ms: number, value: T) => new Promise<T>((resolve) => setTimeout(() => resolve(value), ms));
const ends = (high: number) => new Map([[0, { low: 0, high }]]);
/** Waits for its limit, and in vain. */
const waitInVain = (_: unknown, limitMs: number) => later(limitMs, false);
const tail = {
  isSeeded: () => true,
  get: () => null,
  checkpoint: () => 0,
  position: () => 0,
  reset: async () => {},
  waitRead: waitInVain,
  waitStored: waitInVain,
  cannotReadOn: () => null,
};

/** When it settles, in milliseconds from now, and how: its value, or its code. */
const outcomeOf = async (work: Promise<unknown>): Promise<{ atMs: number; result: unknown }> => {
  const startedAt = performance.now();
  let outcome: { atMs: number; result: unknown } | null = null;
  const settle = (result: unknown): void => {
    outcome = { atMs: performance.now() - startedAt, result };
  };
  work.then(settle, (error: unknown) => settle(error instanceof AppError ? error.code : error));
  for (let passed = 0; outcome === null && passed < 60_000; passed += 50) await pass(50);
  return outcome ?? { atMs: Number.POSITIVE_INFINITY, result: 'nothing' };
};

beforeEach(steerTime);

describe('an order that is not known', () => {
  const orders = (lookUpMs: number, ask: () => Promise<ReturnType<typeof ends>>) =>
    createReadOrder({ tail, rows: { lookUp: () => later(lookUpMs, NONE) }, logEnd: { ask }, partitionOf: () => 0 });

  it.each([
    ['the log does not say where it ends', 0, never],
    ['the log says so late, and is not read to there', 0, () => later(4_000, ends(7))],
    ['its row was looked up for long before', 3_000, never],
    ['all of it takes long', 2_000, () => later(2_000, ends(7))],
  ])('is waited for for five seconds in all: %s', async (_, lookUpMs, ask) => {
    const { atMs, result } = await outcomeOf(orders(lookUpMs, ask).fresh('unknown'));
    expect({ atMs, result }).toEqual({ atMs: READ_MAX_MS, result: 'LOG_UNAVAILABLE' });
  });

  it('is waited for as long before its requests are read', async () => {
    expect(await outcomeOf(orders(0, never).caughtUp('any'))).toEqual({ atMs: READ_MAX_MS, result: 'LOG_UNAVAILABLE' });
  });
});

describe('a product that is not known', () => {
  it.each([
    ['the log does not say where it ends', never],
    ['the log says so late, and is not read to there', () => later(4_000, ends(7))],
  ])('is waited for for five seconds in all: %s', async (_, ask) => {
    const readToEnd = createReadToEnd({
      catalogue: { waitRead: waitInVain, cannotReadOn: () => null },
      logEnd: { ask },
      partitionOf: () => 0,
    });
    expect(await outcomeOf(readToEnd(['unknown']))).toEqual({ atMs: READ_MAX_MS, result: 'LOG_UNAVAILABLE' });
  });
});

describe('a Consistency-Token', () => {
  const reached = (ask: () => Promise<ReturnType<typeof ends>>) =>
    createConsistency({ tail, logEnd: { ask }, partitionCount: 1 }).reached('c1.0.5', 'rows');

  it.each([
    ['the log does not say whether it has the place', never],
    ['the log cannot say', () => Promise.reject(new AppError('LOG_UNAVAILABLE', 'told to be'))],
    ['the log says so late', () => later(1_500, ends(7))],
    ['the projector is behind', async () => ends(7)],
  ])('is waited for for two seconds in all, and the answer is stale: %s', async (_, ask) => {
    const { atMs, result } = await outcomeOf(reached(ask));
    expect(atMs).toBeLessThanOrEqual(TOKEN_MAX_MS);
    expect(result).toBe(false);
  });
});

describe('a row', () => {
  it('is waited for for five seconds, also behind statements that are not answered', async () => {
    let asked = 0;
    const statement = async (): Promise<never> => {
      asked += 1;
      await later(READ_MAX_MS + 1_000, null);
      throw new AppError('DATABASE_UNAVAILABLE', 'told to be');
    };
    const rows = createRowLookup({ lookUp: statement });
    const first = [outcomeOf(rows.lookUp('a', 0)), outcomeOf(rows.lookUp('b', 0))]; // a statement each, as many as there may be
    const behind = outcomeOf(rows.lookUp('c', 0));
    for (const outcome of await Promise.all([...first, behind])) {
      expect(outcome).toEqual({ atMs: READ_MAX_MS, result: 'DATABASE_UNAVAILABLE' });
    }
    await pass(2_000);
    expect(asked, 'statements: none for those who have given up').toBe(2);
  });
});
