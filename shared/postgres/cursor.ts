// shared/postgres/cursor.ts: rows of a large query in bounded pieces, inside the caller's transaction.

import type { Client, Row } from './database.ts';

const FETCH_ROWS = 2_000; // about 2 MB of archived records

export interface Cursor<R> {
  /** The row at hand; undefined when more must be fetched, or there are none. */
  current(): R | undefined;
  next(): void;
  /** Resolves when there is a current row, or with false at the end. */
  fetched(): Promise<boolean>;
  /** Hands over the current row and everything after it. */
  each(handle: (row: R) => void): Promise<void>;
  close(): Promise<void>;
}

/** `name` must be free in this transaction: one cursor of a name at a time. */
export const openCursor = async <R extends Row>(
  client: Client,
  name: string,
  query: string,
  values: unknown[],
  fetchRows = FETCH_ROWS,
): Promise<Cursor<R>> => {
  await client.query(`DECLARE ${name} NO SCROLL CURSOR FOR ${query}`, values);
  let rows: R[] = [];
  let at = 0;
  let ended = false;
  const fetched = async (): Promise<boolean> => {
    while (at === rows.length && !ended) {
      rows = (await client.query<R>(`FETCH ${fetchRows} FROM ${name}`)).rows;
      at = 0;
      ended = rows.length === 0;
    }
    return !ended;
  };
  return {
    current: () => rows[at],
    next: () => {
      at += 1;
    },
    fetched,
    each: async (handle) => {
      for (; await fetched(); at = rows.length) for (; at < rows.length; at += 1) handle(rows[at]!);
    },
    close: async () => {
      await client.query(`CLOSE ${name}`);
    },
  };
};
