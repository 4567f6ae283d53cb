// api/access/sign-in.ts: finds the user of an email and a password.
// Neither the answer nor its time shows whether the user exists: every attempt is counted, then hashed once. A password that was right is
// remembered for a minute, as a keyed digest.

import { createHmac, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { Problem } from '../http/problems.ts';
import { type AccountStore, emailKey } from './accounts/account-store.ts';
import type { HashQueue, Passwords } from './accounts/passwords.ts';
import type { Attempts } from './limits/attempts.ts';
import type { Principals } from './principals.ts';

export interface Claim {
  email: string;
  password: string;
  /** Where it comes from (limits/source.ts). */
  source: string;
}

export interface SignedIn {
  userId: string;
  /** See Principal. */
  version: number;
}

export interface SignIn {
  /** Null: wrong. Throws RATE_LIMITED; rejects with PASSWORDS_OVERLOADED or DATABASE_UNAVAILABLE. */
  signIn: (claim: Claim) => Promise<SignedIn | null>;
  /** Of a password that was right within the last minute. Costs no hash, and asks nobody. */
  remembered: (claim: Pick<Claim, 'email' | 'password'>) => SignedIn | null;
}

export interface SignInOptions {
  store: Pick<AccountStore, 'credentialsOf'>;
  passwords: Pick<Passwords, 'verify' | 'isBusy'>;
  attempts: Attempts;
  principals: Pick<Principals, 'get'>;
  /** Milliseconds that only grow. */
  now?: () => number;
}

export const REMEMBERED_MS = 60_000;
const REMEMBERED_MAX = 10_000; // some 200 bytes each

export const createSignIn = ({ store, passwords, attempts, principals, now = () => performance.now() }: SignInOptions): SignIn => {
  // Of this process alone: what is kept in memory is no use elsewhere, and says nothing about the password.
  const digestKey = randomBytes(32);
  const remembered = new LRUCache<string, SignedIn>({ max: REMEMBERED_MAX, ttl: REMEMBERED_MS, ttlResolution: 0, perf: { now } });
  /** A client that begins with many requests at once is one attempt. Bounded by what waits for a hash. */
  const underWay = new Map<string, Promise<SignedIn | null>>();

  const digestOf = ({ email, password }: Pick<Claim, 'email' | 'password'>): string =>
    createHmac('sha256', digestKey)
      .update(`${emailKey(email)}\0${password}`)
      .digest('base64');

  /** Still the same user with the same password, as of the last half minute. */
  const stillGood = async (digest: string): Promise<SignedIn | null> => {
    const known = remembered.get(digest);
    if (known === undefined) return null;
    const principal = await principals.get(known.userId);
    if (principal?.version === known.version) return known;
    remembered.delete(digest);
    return null;
  };

  const verified = async ({ email, password }: Claim, digest: string, queue: HashQueue): Promise<SignedIn | null> => {
    const found = await store.credentialsOf(email);
    if (!(await passwords.verify(password, found?.passwordHash ?? null, queue)) || found === null) return null;
    const signedIn = { userId: found.userId, version: found.version };
    remembered.set(digest, signedIn);
    return signedIn;
  };

  const attempt = (claim: Claim, digest: string): Promise<SignedIn | null> => {
    const email = emailKey(claim.email);
    const queue = attempts.isKnown(claim.source, email) ? 'known' : 'others';
    // Before counting: else names tried in vain could push the others' counts out of memory.
    if (passwords.isBusy(queue)) throw new Problem('OVERLOADED', 'Too many passwords are being checked.');
    const taken = attempts.take(claim.source, email);
    if ('waitS' in taken) {
      throw new Problem('RATE_LIMITED', 'Too many attempts to sign in.', { headers: { 'retry-after': String(taken.waitS) } });
    }
    const attempted = verified(claim, digest, queue)
      .then((signedIn) => {
        if (signedIn !== null) taken.giveBack();
        return signedIn;
      })
      .finally(() => underWay.delete(digest));
    underWay.set(digest, attempted);
    return attempted;
  };

  const signIn: SignIn['signIn'] = async (claim) => {
    const digest = digestOf(claim);
    const signedIn = (await stillGood(digest)) ?? (await (underWay.get(digest) ?? attempt(claim, digest)));
    if (signedIn !== null) attempts.learn(claim.source, emailKey(claim.email));
    return signedIn;
  };
  return { signIn, remembered: (claim) => remembered.get(digestOf(claim)) ?? null };
};
