// api/access/limits/attempts.ts: limits how often a password may be tried, before anything is hashed.
// A source that has signed in as this user has a budget of its own; all others share one for each email: many of them together guess no
// faster, and none of them can use up the user's. In memory: every instance counts for itself.

import { LRUCache } from 'lru-cache';

export interface Attempts {
  /** Counts one. `waitS`: it is refused, not counted, and may come again after as many seconds. */
  take: (source: string, email: string) => { waitS: number } | Attempt;
  /** The source has signed in as this user: it is known from now on. */
  learn: (source: string, email: string) => void;
  isKnown: (source: string, email: string) => boolean;
}

export interface Attempt {
  /** The password was right: it does not count. */
  giveBack: () => void;
}

/** Design section 4: guessing takes years; a person who mistypes has enough. Of a known source, and of all the others together. */
export const ATTEMPTS_MAX = 5;
/** Of one source that is not known, over all emails: a school behind one address has room for mistakes, a list of names does not get far. */
export const SOURCE_ATTEMPTS_MAX = 30;
export const WINDOW_MS = 60_000;
// Each attempt that counts costs a hash, of which there are fewer than 400 a second, and two counts at most: a minute's fit, so no client
// can push a count out of memory by trying other names. Some 200 bytes each.
const COUNTED_MAX = 50_000;
/** A holiday; after that the address may be somebody else's, who would have five guesses a minute. */
export const KNOWN_FOR_MS = 30 * 86_400_000;
// Home, office, telephone, a few networks on the way: the one longest without a sign-in is forgotten. Who has a password can push out their
// own sources only.
export const KNOWN_SOURCES_MAX = 8;
// Some kilobyte each, with eight sources.
const KNOWN_USERS_MAX = 10_000;

interface Window {
  count: number;
  endsAt: number;
}

export const createAttempts = (now: () => number = () => performance.now()): Attempts => {
  const counted = new LRUCache<string, Window>({ max: COUNTED_MAX });
  /** By email: the sources, the latest last, and when each is forgotten. */
  const known = new LRUCache<string, Map<string, number>>({ max: KNOWN_USERS_MAX });

  const isKnown = (source: string, email: string): boolean => (known.get(email)?.get(source) ?? 0) > now();

  const budget = (key: string, max: number) => {
    const before = counted.get(key);
    const window = before !== undefined && before.endsAt > now() ? before : { count: 0, endsAt: now() + WINDOW_MS };
    return {
      waitS: window.count < max ? 0 : Math.ceil((window.endsAt - now()) / 1000),
      take: (): void => {
        window.count += 1;
        counted.set(key, window);
      },
      giveBack: (): void => {
        window.count -= 1;
      },
    };
  };
  const budgetsOf = (source: string, email: string) =>
    isKnown(source, email)
      ? [budget(`known\0${source}\0${email}`, ATTEMPTS_MAX)]
      : [budget(`email\0${email}`, ATTEMPTS_MAX), budget(`source\0${source}`, SOURCE_ATTEMPTS_MAX)];

  return {
    take: (source, email) => {
      const budgets = budgetsOf(source, email);
      const waitS = Math.max(...budgets.map((each) => each.waitS));
      if (waitS > 0) return { waitS };
      for (const each of budgets) each.take();
      return {
        giveBack: () => {
          for (const each of budgets) each.giveBack();
        },
      };
    },
    learn: (source, email) => {
      const sources = known.get(email) ?? new Map<string, number>();
      sources.delete(source);
      sources.set(source, now() + KNOWN_FOR_MS);
      if (sources.size > KNOWN_SOURCES_MAX) sources.delete(sources.keys().next().value!);
      known.set(email, sources);
    },
    isKnown,
  };
};
