// api/http/cursors.ts: cursors of pages: where the next page begins, bound to the query that the page answered.
// A cursor cannot be used with other filters, another order or another sort.

import { createHash } from 'node:crypto';
import { Problem } from './problems.ts';

interface Cursor {
  /** What the page was asked for. */
  q: string;
  /** Where the next one begins. */
  at: unknown;
}

/** `question` is any JSON value that says what is paged through. */
export const cursorOf = (question: unknown, at: unknown): string =>
  Buffer.from(JSON.stringify({ q: hashOf(question), at } satisfies Cursor)).toString('base64url');

/** Inverse of `cursorOf`; `isAt` checks the shape of the place. Throws INVALID_CURSOR. */
export const readCursor = <At>(text: string, question: unknown, isAt: (at: unknown) => at is At): At => {
  const cursor = parse(text);
  if (cursor === null || !isAt(cursor.at)) throw new Problem('INVALID_CURSOR', 'The cursor is not one of ours.');
  if (cursor.q !== hashOf(question)) throw new Problem('INVALID_CURSOR', 'The cursor belongs to other filters or another sort order.');
  return cursor.at;
};

// Against mistakes, not against malice: a forged cursor shows nothing that its caller may not ask for anyway.
const hashOf = (question: unknown): string => createHash('sha256').update(JSON.stringify(question)).digest('base64url').slice(0, 16);

const parse = (text: string): Cursor | null => {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && 'q' in value && 'at' in value ? (value as Cursor) : null;
  } catch {
    return null;
  }
};
