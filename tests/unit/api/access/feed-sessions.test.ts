// When a feed ends because of what it was opened with.

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Caller } from '../../../../api/access/caller.ts';
import { createFeedSessions, FEEDS_PER_CALLER_MAX, type SessionEnd } from '../../../../api/access/feed-sessions.ts';
import { createPrincipals, STALE_AFTER_MS } from '../../../../api/access/principals.ts';
import { createMemoryAccounts, type MemoryAccounts } from '../../../support/in-memory/accounts.ts';

let store: MemoryAccounts;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date', 'performance'] });
  store = createMemoryAccounts();
});
afterEach(() => vi.useRealTimers());

const open = async (expiresAt: number | null = null) => {
  const user = await store.createUser({ email: 'ada@example.com', name: 'Ada', role: 'customer', passwordHash: '' });
  if (user === 'email_taken') throw new Error('taken');
  const ends: { why: SessionEnd; afterMs: number }[] = [];
  const startedAt = Date.now();
  const sessions = createFeedSessions({ principals: createPrincipals(store) });
  const caller: Caller = { id: user.userId, actor: `user:${user.userId}`, role: 'customer', version: 1, expiresAt };
  const leave = sessions.open(caller, (why) => ends.push({ why, afterMs: Date.now() - startedAt }));
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 1_000) {
      await vi.advanceTimersByTimeAsync(1_000);
      for (let n = 0; n < 4; n += 1) await new Promise(setImmediate);
    }
  };
  const another = (id: string) => sessions.open({ ...caller, id }, () => {});
  return { user, ends, leave, pass, another };
};

it('ends with its credential, to the second', async () => {
  const { ends, pass } = await open(Date.now() + 900_000);
  await pass(899_000);
  expect(ends).toEqual([]);
  await pass(1_000);
  expect(ends).toEqual([{ why: 'expired', afterMs: 900_000 }]);
});

it('ends within half a minute and a second after its caller was erased by another instance, once', async () => {
  const { user, ends, pass } = await open();
  await pass(7_000);
  await store.eraseUser(user.userId);
  await pass(120_000);
  expect(ends).toHaveLength(1);
  expect(ends[0]!.why).toBe('forbidden');
  expect(ends[0]!.afterMs - 7_000).toBeLessThanOrEqual(STALE_AFTER_MS + 1_000);
});

it('goes on while the database is away for seconds, and ends when nobody can say for half a minute whether it may', async () => {
  const { ends, pass } = await open();
  await pass(3_000);
  store.broken = true;
  await pass(20_000);
  store.broken = false;
  await pass(60_000);
  expect(ends).toEqual([]);
  store.broken = true;
  await pass(STALE_AFTER_MS + 1_000);
  expect(ends).toMatchObject([{ why: 'expired' }]);
});

it('is one of twenty of its caller, and makes room when it is over; other callers are not concerned', async () => {
  const { user, leave, another } = await open();
  for (let n = 1; n < FEEDS_PER_CALLER_MAX; n += 1) expect(another(user.userId)).not.toBeNull();
  expect(another(user.userId)).toBeNull();
  expect(another('somebody-else')).not.toBeNull();
  leave!();
  expect(another(user.userId)).not.toBeNull();
  expect(another(user.userId)).toBeNull();
});

it('makes room when it ends because of its credential', async () => {
  const { user, pass, another } = await open(Date.now() + 2_000);
  for (let n = 1; n < FEEDS_PER_CALLER_MAX; n += 1) another(user.userId);
  expect(another(user.userId)).toBeNull();
  await pass(3_000);
  expect(another(user.userId)).not.toBeNull();
});

it('is told nothing any more after it is over', async () => {
  const { user, ends, leave, pass } = await open();
  leave!();
  await store.eraseUser(user.userId);
  await pass(60_000);
  expect(ends).toEqual([]);
});
