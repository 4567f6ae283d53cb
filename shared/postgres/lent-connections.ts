// shared/postgres/lent-connections.ts: lends connections of a pool to one user at a time, and no more those that may lead nowhere.
// When a statement gets no answer at all, its server stands still or its connection is half-open: so may the others be that were open then.

import type { Pool, PoolClient } from 'pg';
import { isSilence } from './errors.ts';

export interface LentConnections {
  /** Rejects as the pool does. */
  lend: () => Promise<PoolClient>;
  /** It was of use. */
  giveBack: (client: PoolClient) => void;
  /** Something failed on it and it is closed, without another word to the server: nothing can be said on a connection without an answer. */
  close: (client: PoolClient, error: unknown) => void;
}

/** `answerMaxMs`: how long a statement waits for its answer. */
export const createLentConnections = (pool: Pool, answerMaxMs: number): LentConnections => {
  const answeredAt = new WeakMap<PoolClient, number>();
  let silentSince = Number.NEGATIVE_INFINITY; // when the latest statement was sent that got no answer

  const answered = (client: PoolClient): void => void answeredAt.set(client, performance.now());
  pool.on('connect', answered);
  return {
    lend: async () => {
      for (;;) {
        const client = await pool.connect();
        if (answeredAt.get(client)! > silentSince) return client;
        client.release(true);
      }
    },
    giveBack: (client) => {
      answered(client);
      client.release();
    },
    close: (client, error) => {
      if (isSilence(error)) silentSince = Math.max(silentSince, performance.now() - answerMaxMs);
      client.release(true);
    },
  };
};
