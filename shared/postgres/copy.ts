// shared/postgres/copy.ts: bulk inserts by COPY, which costs PostgreSQL half of what INSERT … unnest costs. The command and
// all of its data go out in one write: the server takes data that comes early, and drops it if the command fails
// (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-COPY). That saves the round trip in which
// pg-copy-streams waits for the server's go-ahead, which is most of the cost of a small batch.

import type { Socket } from 'node:net';
import type { Connection, Submittable } from 'pg';
import { type Column, copyRows } from './binary.ts';
import { type Client, quoteIdentifier } from './database.ts';

const COPY_DATA = 'd'.charCodeAt(0);
const MESSAGE_HEAD_BYTES = 5; // a type byte and a length that counts itself but not the type
const COPY_DONE = Buffer.from([...Buffer.from('c'), 0, 0, 0, 4]);

/**
 * Appends rows to a table, inside the caller's transaction. Rejects with the server's error (a duplicate key, a failed
 * check), and then nothing of the call is in the table. No rows cost nothing. A call holds all of its rows in memory twice.
 */
export const copyInto = async <R>(client: Client, table: string, columns: readonly Column<R>[], rows: readonly R[]): Promise<void> => {
  if (rows.length === 0) return;
  const message = copyRows(columns, rows, { head: MESSAGE_HEAD_BYTES, tail: COPY_DONE.length });
  message[0] = COPY_DATA;
  message.writeInt32BE(message.length - COPY_DONE.length - 1, 1);
  COPY_DONE.copy(message, message.length - COPY_DONE.length);
  const names = columns.map(({ name }) => quoteIdentifier(name)).join(', ');
  await send(client, `COPY ${quoteIdentifier(table)} (${names}) FROM STDIN (FORMAT binary)`, message);
};

interface CopyConnection extends Connection {
  query(text: string): void;
  stream: Socket;
}

/** pg calls `submit` when the connection is free, then the handlers below as messages come in. */
const send = (client: Client, text: string, message: Buffer): Promise<void> =>
  new Promise((resolve, reject) => {
    const copy = {
      submit: (connection: Connection) => {
        const { stream } = connection as CopyConnection;
        stream.cork();
        (connection as CopyConnection).query(text);
        stream.write(message);
        stream.uncork();
      },
      // pg wraps this in its query timeout; calling it stops the clock.
      callback: () => {},
      handleCopyInResponse: () => {},
      handleCommandComplete: () => {},
      handleReadyForQuery: () => {
        copy.callback();
        resolve();
      },
      handleError: (error: Error) => {
        copy.callback();
        reject(error);
      },
    };
    client.query<Submittable>(copy);
  });
