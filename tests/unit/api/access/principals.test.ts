// How old what access knows about a caller may be.

import { beforeEach, describe, expect, it } from 'vitest';
import { createPrincipals, type Principals, STALE_AFTER_MS } from '../../../../api/access/principals.ts';
import { eventually } from '../../../support/eventually.ts';
import { createMemoryAccounts, type MemoryAccounts } from '../../../support/in-memory/accounts.ts';

let now: number;
let store: MemoryAccounts;
let principals: Principals;
let id: string;
beforeEach(async () => {
  now = 0;
  store = createMemoryAccounts();
  principals = createPrincipals(store, () => now);
  ({ id } = await store.addClient('operator'));
});
const settled = () => new Promise((resolve) => setTimeout(resolve));

describe('a principal', () => {
  it('is read once for everybody who asks at the same time, and then remembered', async () => {
    await Promise.all(Array.from({ length: 50 }, () => principals.get(id)));
    expect(principals.get(id)).toMatchObject({ role: 'operator' });
    expect(store.asked).toBe(1);
  });

  it('that is erased is nobody half a minute later at the latest, also for who never stops asking', async () => {
    const user = await store.createUser({ email: 'a@example.com', name: 'A', role: 'customer', passwordHash: '' });
    if (user === 'email_taken') throw new Error('taken');
    await principals.get(user.userId);
    await store.eraseUser(user.userId);
    let gone = Number.POSITIVE_INFINITY;
    for (now = 0; now <= STALE_AFTER_MS; now += 500) {
      if ((await principals.get(user.userId)) === null) gone = Math.min(gone, now);
      await settled();
    }
    expect(gone).toBeLessThanOrEqual(STALE_AFTER_MS);
  });

  it('that nobody asked about for long is read again before it is answered', async () => {
    const user = await store.createUser({ email: 'a@example.com', name: 'A', role: 'admin', passwordHash: '' });
    if (user === 'email_taken') throw new Error('taken');
    await principals.get(user.userId);
    await store.updateUser(user.userId, { role: 'customer' });
    now = STALE_AFTER_MS;
    expect(await principals.get(user.userId)).toMatchObject({ role: 'customer' });
  });

  it('outlives a database that is away for seconds, and is unknown when it stays away', async () => {
    await principals.get(id);
    store.broken = true;
    now = STALE_AFTER_MS - 1;
    expect(await principals.get(id)).toMatchObject({ role: 'operator' });
    await settled();
    now = STALE_AFTER_MS;
    await expect(principals.get(id)).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    store.broken = false;
    expect(await principals.get(id)).toMatchObject({ role: 'operator' });
  });

  it('that is forgotten while it is being read is not remembered as it was', async () => {
    const user = await store.createUser({ email: 'a@example.com', name: 'A', role: 'admin', passwordHash: '' });
    if (user === 'email_taken') throw new Error('taken');
    const held: (() => void)[] = [];
    const next = () => eventually(() => held.shift(), { what: 'the question' });
    const slow = createPrincipals(
      {
        principal: async (each) => {
          const found = await store.principal(each);
          await new Promise<void>((resolve) => held.push(resolve));
          return found;
        },
      },
      () => now,
    );
    const old = slow.get(user.userId);
    const finish = await next();
    await store.updateUser(user.userId, { role: 'customer' });
    slow.forget(user.userId);
    finish();
    expect(await old).toMatchObject({ role: 'admin' }); // asked before the change
    const fresh = slow.get(user.userId);
    (await next())();
    expect(await fresh).toMatchObject({ role: 'customer' });
  });
});
