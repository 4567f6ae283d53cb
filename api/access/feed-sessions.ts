// api/access/feed-sessions.ts: open feeds and the credentials that they were opened with.
// A feed ends when its credential does, and within half a minute after its caller was erased or given another role or password; at once
// on the instance where that was done.

import type { Caller } from './caller.ts';
import type { Principals } from './principals.ts';

/** Why a feed ends: `expired`, come again with a new credential; `forbidden`, what it was opened with does not count any more. */
export type SessionEnd = 'expired' | 'forbidden';

export interface FeedSessions {
  /** Calls `end` at most once. Returns what to call when the feed is over by itself; null: the caller has as many open as it may. */
  open: (caller: Caller, end: (why: SessionEnd) => void) => (() => void) | null;
  /** After a change of this caller: look now. */
  recheck: (id: string) => void;
  stop: () => void;
}

export interface FeedSessionsOptions {
  principals: Pick<Principals, 'get'>;
  now?: () => number;
}

/** Tabs and devices of one user, or the instances of one client. Fifty such callers fill an instance. */
export const FEEDS_PER_CALLER_MAX = 20;
// What is looked at is memory, seldom the database (see Principals). A credential ends to the second.
const CHECK_MS = 1_000;

interface Session {
  caller: Caller;
  end: (why: SessionEnd) => void;
}

export const createFeedSessions = ({ principals, now = Date.now }: FeedSessionsOptions): FeedSessions => {
  const sessions = new Set<Session>(); // as many as the feed has clients
  let timer: NodeJS.Timeout | null = null;

  const finish = (session: Session, why: SessionEnd): void => {
    if (sessions.delete(session)) session.end(why);
  };

  const check = async (session: Session): Promise<void> => {
    const { id, role, version, expiresAt } = session.caller;
    if (expiresAt !== null && expiresAt <= now()) return finish(session, 'expired');
    try {
      const principal = await principals.get(id);
      if (principal?.role !== role || principal.version !== version) finish(session, 'forbidden');
    } catch {
      finish(session, 'expired'); // for half a minute no answer said whether it may go on
    }
  };

  const checkAll = (): void => {
    for (const session of sessions) void check(session);
    if (sessions.size === 0) stop();
  };
  const stop = (): void => {
    if (timer !== null) clearInterval(timer);
    timer = null;
  };

  const feedsOf = (id: string): number => {
    let count = 0;
    for (const session of sessions) if (session.caller.id === id) count += 1;
    return count;
  };

  return {
    open: (caller, end) => {
      if (feedsOf(caller.id) >= FEEDS_PER_CALLER_MAX) return null;
      const session = { caller, end };
      sessions.add(session);
      timer ??= setInterval(checkAll, CHECK_MS).unref();
      return () => void sessions.delete(session);
    },
    recheck: (id) => {
      for (const session of sessions) if (session.caller.id === id) void check(session);
    },
    stop,
  };
};
