// tests/oracle/journal.ts: the first record.
// What a client asked for and what it was told, one entry per intention however often it was sent. Each sending has an id of its own
// (X-Request-Id), which the log keeps as ce_correlationid.

import { writeFileSync } from 'node:fs';

/**
 * What the client may believe in the end. `ok`: it has happened. `pending` (202): the log has it, the outcome comes later.
 * `refused`: it has not happened and will not. `unknown`: either.
 */
export type Outcome = 'ok' | 'pending' | 'refused' | 'unknown';

interface Told {
  outcome: Outcome;
  /** The last answer's; null without an answer. */
  status: number | null;
  code: string | null;
  /** One id for each time it was sent. */
  attempts: string[];
}

export interface SubmissionEntry extends Told {
  kind: 'submission';
  key: string | null;
  /** The order id that the client chose. */
  chosen: string | null;
  /** Every order id that a 201 or 202 named: more than one is a doubled order. */
  orderIds: string[];
  totalMinor: number;
}

export interface CommandEntry extends Told {
  kind: 'command';
  orderId: string;
  /** Of the order in a 200. */
  order: OrderSeen | null;
}

/** A read that had to show at least `version`, because its writer was told so. */
export interface ReadEntry {
  kind: 'read';
  orderId: string;
  version: number;
  /** What it showed; null: not found. */
  seen: number | null;
}

/** A frame of the live feed, in the order of arrival on one subscription that is continued by cursor. */
export interface FrameEntry {
  kind: 'frame';
  subscription: string;
  type: 'order' | 'reset' | 'snapshot';
  orders: { orderId: string; version: number }[];
}

export interface OrderSeen {
  status: string;
  version: number;
  totalMinor: number;
}

export type JournalEntry = SubmissionEntry | CommandEntry | ReadEntry | FrameEntry;

export interface Journal {
  entries: JournalEntry[];
  add: (entry: JournalEntry) => void;
  /** One entry per line. */
  write: (path: string) => void;
}

export const createJournal = (): Journal => {
  const entries: JournalEntry[] = [];
  return {
    entries,
    add: (entry) => void entries.push(entry),
    write: (path) => writeFileSync(path, entries.map((entry) => `${JSON.stringify(entry)}\n`).join('')),
  };
};

/** What an answer lets its caller believe (docs/errors.md). A 503 is certain only where it says that nothing was recorded. */
export const outcomeOf = (status: number, code: string | null): Outcome => {
  if (status === 202) return 'pending';
  if (status >= 200 && status < 300) return 'ok';
  if (status >= 400 && status < 500) return 'refused';
  return code === 'OVERLOADED' ? 'refused' : 'unknown';
};
