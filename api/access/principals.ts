// api/access/principals.ts: a short-lived cache of users and api clients, for access.
// Every instance notices a changed role or an erased user within half a minute, and most requests need no query.

import { LRUCache } from 'lru-cache';
import type { AccountStore, Principal } from './accounts/account-store.ts';

export interface Principals {
  /** At most 30 s old; null: there is none, or none any more. At once for one that is cached. Rejects with DATABASE_UNAVAILABLE. */
  get: (id: string) => Principal | null | Promise<Principal | null>;
  /** What memory says, however old; undefined: nothing. */
  remembered: (id: string) => Principal | null | undefined;
  /** After a change made here: the next question goes to the database. */
  forget: (id: string) => void;
}

/** Role and existence are at most this old (design section 4). */
export const STALE_AFTER_MS = 30_000;
// From here on they are read again in the background: no request waits, and none notices a database that is down for seconds.
const REFRESH_AFTER_MS = 10_000;
// A few hundred bytes each. One that is not cached costs one read by primary key.
const REMEMBERED_MAX = 10_000;

interface Remembered {
  principal: Principal | null;
  /** When the question was put: the answer is at least as new. */
  askedAt: number;
}

export const createPrincipals = (store: Pick<AccountStore, 'principal'>, now: () => number = () => performance.now()): Principals => {
  const remembered = new LRUCache<string, Remembered>({ max: REMEMBERED_MAX });
  /** One question at a time about each; bounded by the requests that wait for them. */
  const asking = new Map<string, Promise<Principal | null>>();

  const ask = (id: string): Promise<Principal | null> => {
    const underWay = asking.get(id);
    if (underWay !== undefined) return underWay;
    const askedAt = now();
    const question = store
      .principal(id)
      .then((principal) => {
        // Unless it was forgotten meanwhile: then this answer may be from before the change.
        if (asking.get(id) === question) remembered.set(id, { principal, askedAt });
        return principal;
      })
      .finally(() => {
        if (asking.get(id) === question) asking.delete(id);
      });
    asking.set(id, question);
    return question;
  };

  return {
    get: (id) => {
      const known = remembered.get(id);
      const age = known === undefined ? Number.POSITIVE_INFINITY : now() - known.askedAt;
      if (known === undefined || age >= STALE_AFTER_MS) return ask(id);
      if (age >= REFRESH_AFTER_MS) ask(id).catch(() => {}); // a request that comes when it has become too old gets the failure
      return known.principal;
    },
    remembered: (id) => remembered.get(id)?.principal,
    forget: (id) => {
      remembered.delete(id);
      asking.delete(id);
    },
  };
};
