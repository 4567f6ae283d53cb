// Passwords: what an attempt costs, how many there may be, and what is remembered of one.

import { describe, expect, it } from 'vitest';
import { createPasswords, type Passwords } from '../../../../api/access/accounts/passwords.ts';
import { ATTEMPTS_MAX, createAttempts, WINDOW_MS } from '../../../../api/access/limits/attempts.ts';
import { createPrincipals } from '../../../../api/access/principals.ts';
import { createSignIn, REMEMBERED_MS } from '../../../../api/access/sign-in.ts';
import { eventually } from '../../../support/eventually.ts';
import { createMemoryAccounts } from '../../../support/in-memory/accounts.ts';

const PASSWORD = 'correct horse battery';
const ADDRESS = '192.0.2.1';

const start = async () => {
  let now = 1; // of what begins at 0 the cache does not know that it has begun
  const store = createMemoryAccounts();
  const real = createPasswords();
  let hashes = 0;
  const passwords: Passwords = {
    ...real,
    verify: (password, hash, queue) => {
      hashes += 1;
      return real.verify(password, hash, queue);
    },
  };
  const principals = createPrincipals(store, () => now);
  const { signIn } = createSignIn({ store, passwords, attempts: createAttempts(() => now), principals, now: () => now });
  const user = await store.createUser({ email: 'ada@example.com', name: 'Ada', role: 'customer', passwordHash: await real.hash(PASSWORD) });
  if (user === 'email_taken') throw new Error('taken');
  return {
    store,
    user,
    principals,
    attempt: (password: string, email = 'ada@example.com', address = ADDRESS) => signIn({ email, password, source: address }),
    hashes: () => hashes,
    pass: (ms: number) => {
      now += ms;
    },
  };
};

describe('an attempt', () => {
  it('with the right password is the user, whatever the case of the email', async () => {
    const { attempt, user } = await start();
    expect(await attempt(PASSWORD)).toEqual({ userId: user.userId, version: 1 });
    expect(await attempt(PASSWORD, 'ADA@Example.COM')).toMatchObject({ userId: user.userId });
  });

  it.each([
    ['for a user that there is', 'ada@example.com'],
    ['for a user that there is not', 'nobody@example.com'],
    ['for what is no email', 'x'],
    ['for an email with a NUL', 'a\0b@example.com'],
  ])('%s costs one hash', async (_what, email) => {
    const { attempt, hashes } = await start();
    expect(await attempt('wrong password', email)).toBeNull();
    expect(hashes()).toBe(1);
  });

  it('is refused before it is hashed from the sixth in a minute on, the right password too', async () => {
    const { attempt, hashes, pass } = await start();
    for (let n = 0; n < ATTEMPTS_MAX; n += 1) expect(await attempt(`wrong ${n}`)).toBeNull();
    pass(10_000);
    await expect(attempt(PASSWORD)).rejects.toMatchObject({ code: 'RATE_LIMITED', extras: { headers: { 'retry-after': '50' } } });
    expect(hashes()).toBe(ATTEMPTS_MAX);
    pass(WINDOW_MS - 10_000);
    expect(await attempt(PASSWORD)).not.toBeNull();
  });

  it('counts for its email in any case, not for others', async () => {
    const { attempt } = await start();
    for (let n = 0; n < ATTEMPTS_MAX; n += 1) await attempt(`wrong ${n}`, n % 2 ? 'ADA@example.com' : 'ada@example.com');
    await expect(attempt('wrong', 'aDa@example.com')).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    expect(await attempt('wrong', 'grace@example.com')).toBeNull();
  });

  it('counts for all sources together that are not known for this user, and for each that is by itself', async () => {
    const { attempt, pass } = await start();
    expect(await attempt(PASSWORD, 'ada@example.com', 'home')).not.toBeNull();
    pass(REMEMBERED_MS + 1);
    for (let n = 0; n < ATTEMPTS_MAX; n += 1) expect(await attempt(`guess ${n}`, 'ada@example.com', `robot ${n}`)).toBeNull();
    await expect(attempt('guess', 'ada@example.com', 'robot')).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    await expect(attempt('guess', 'ada@example.com', 'robot 1')).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    for (let n = 0; n < ATTEMPTS_MAX; n += 1) expect(await attempt(`typo ${n}`, 'ada@example.com', 'home')).toBeNull();
    await expect(attempt('typo', 'ada@example.com', 'home')).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    pass(REMEMBERED_MS + 1);
    for (let n = 0; n < ATTEMPTS_MAX; n += 1) await attempt(`more ${n}`, 'ada@example.com', `robot ${n}`);
    expect(await attempt(PASSWORD, 'ada@example.com', 'home')).not.toBeNull();
  });

  it('with a password that was right elsewhere makes its source known without a hash', async () => {
    const { attempt, hashes, pass } = await start();
    await attempt(PASSWORD, 'ada@example.com', 'home');
    await attempt(PASSWORD, 'ada@example.com', 'office');
    expect(hashes()).toBe(1);
    pass(REMEMBERED_MS + 1);
    for (let n = 0; n < ATTEMPTS_MAX; n += 1) await attempt(`guess ${n}`, 'ada@example.com', 'robot');
    expect(await attempt(PASSWORD, 'ada@example.com', 'office')).not.toBeNull();
  });

  it('with the right password does not count', async () => {
    const { attempt, hashes, pass } = await start();
    const rounds = 2 * ATTEMPTS_MAX;
    for (let n = 0; n < rounds; n += 1) {
      expect(await attempt(PASSWORD, 'ada@example.com', `network ${n}`)).not.toBeNull();
      pass(REMEMBERED_MS / rounds);
    }
    pass(REMEMBERED_MS + 1);
    for (let n = 0; n < ATTEMPTS_MAX - 1; n += 1) await attempt(`wrong ${n}`, 'ada@example.com', 'cafe');
    const before = hashes();
    expect(await attempt(PASSWORD, 'ada@example.com', 'hotel')).not.toBeNull();
    expect(await attempt('wrong', 'ada@example.com', 'cafe')).toBeNull();
    expect(hashes() - before).toBe(2);
    await expect(attempt('wrong', 'ada@example.com', 'cafe')).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  });

  it('of a known source is hashed before those of strangers that wait already', async () => {
    const { attempt, hashes, pass } = await start();
    await attempt(PASSWORD, 'ada@example.com', 'home');
    pass(REMEMBERED_MS + 1);
    const before = hashes();
    let done = 0;
    const strange = async (n: number): Promise<void> => {
      await attempt('guess', `${n}@example.com`, `robot ${n}`);
      done += 1;
    };
    const strangers = Promise.allSettled(Array.from({ length: 100 }, (_, n) => strange(n)));
    await eventually(() => hashes() - before === 100, { what: 'all of them to wait, or to be refused' });
    expect(await attempt(PASSWORD, 'ada@example.com', 'home')).not.toBeNull();
    expect(done).toBeLessThan(21); // of 42 that are hashed
    const refused = (await strangers).filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
    expect(refused).toHaveLength(100 - 42);
    for (const { reason } of refused) expect(reason.code).toContain('OVERLOADED');
  });
});

describe('a password that was right', () => {
  it('is not hashed again for a minute, and does not count', async () => {
    const { attempt, hashes } = await start();
    for (let n = 0; n < 3 * ATTEMPTS_MAX; n += 1) expect(await attempt(PASSWORD)).not.toBeNull();
    expect(hashes()).toBe(1);
  });

  it('shown by many requests at once is one attempt', async () => {
    const { attempt, hashes } = await start();
    const all = await Promise.all(Array.from({ length: 100 }, () => attempt(PASSWORD)));
    expect(all.every((one) => one !== null)).toBe(true);
    expect(hashes()).toBe(1);
  });

  it('is no help for another password or another email', async () => {
    const { attempt } = await start();
    await attempt(PASSWORD);
    expect(await attempt(`${PASSWORD}!`)).toBeNull();
    expect(await attempt(PASSWORD, 'nobody@example.com')).toBeNull();
  });

  it('is forgotten when it is changed', async () => {
    const { attempt, store, user, principals } = await start();
    await attempt(PASSWORD);
    await store.updateUser(user.userId, { passwordHash: await createPasswords().hash('another password') });
    principals.forget(user.userId);
    expect(await attempt(PASSWORD)).toBeNull();
    expect(await attempt('another password')).toMatchObject({ version: 2 });
  });

  it('is forgotten when the user is erased', async () => {
    const { attempt, store, user, principals } = await start();
    await attempt(PASSWORD);
    await store.eraseUser(user.userId);
    principals.forget(user.userId);
    expect(await attempt(PASSWORD)).toBeNull();
  });
});

describe('passwords', () => {
  it('are kept as argon2id with the parameters of OWASP, each with a salt of its own', async () => {
    const passwords = createPasswords();
    const [one, two] = await Promise.all([passwords.hash(PASSWORD), passwords.hash(PASSWORD)]);
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(one).not.toBe(two);
  });

  it('are verified by other implementations of the format: a hash of the reference implementation', async () => {
    // echo -n 'password' | argon2 somesalt -id -t 2 -k 65536 -p 1 (github.com/P-H-C/phc-winner-argon2, test.c)
    const reference = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';
    expect(await createPasswords().verify('password', reference, 'others')).toBe(true);
    expect(await createPasswords().verify('Password', reference, 'others')).toBe(false);
  });

  it('are the same in every Unicode form', async () => {
    const passwords = createPasswords();
    expect(await passwords.verify('cafe\u0301 au lait', await passwords.hash('caf\u00e9 au lait'), 'others')).toBe(true);
  });

  it('are refused at once when too many wait, and taken again afterwards', async () => {
    const passwords = createPasswords();
    const results = await Promise.allSettled(Array.from({ length: 60 }, () => passwords.verify('x', null, 'others')));
    const refused = results.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
    expect(refused).toHaveLength(60 - 42);
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'PASSWORDS_OVERLOADED' });
    expect(passwords.isBusy('others')).toBe(false);
    expect(await passwords.verify('x', null, 'others')).toBe(false);
  });

  it('leave the event loop free while they are hashed', async () => {
    const passwords = createPasswords();
    const turnsOfOneHash = async (): Promise<number> => {
      let turns = 0;
      let hashing = true;
      const turn = (): void => {
        turns += 1;
        if (hashing) setImmediate(turn);
      };
      setImmediate(turn);
      await passwords.hash(PASSWORD);
      hashing = false;
      return turns;
    };
    // A machine that is busy gives a hash more turns or fewer; hashing in the event loop would leave it one or two, each time.
    let most = 0;
    for (let n = 0; n < 10 && most <= 20; n += 1) most = Math.max(most, await turnsOfOneHash());
    expect(most).toBeGreaterThan(20);
  });
});
