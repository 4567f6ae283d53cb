// ops/local-stack/temporary-data.ts: a folder for the data of a stack that lives as long as one run: a test's or the bench's.
// `npm start` never has one: its data stays.

import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dataOutside } from './postgres/postgres-home.ts';

export interface TemporaryData {
  path: string;
  /** Deletes the folder, and what PostgreSQL had to put elsewhere. The processes of the stack are told to stop before. */
  remove: () => Promise<void>;
}

// The processes of a PostgreSQL whose first one was killed notice that within a second or two, and write files until then: a folder
// that was emptied is not empty when it is deleted. Each retry waits 0.1 s longer than the one before, 12 s in all.
const DELETE_RETRIES = 15;
const DELETE_RETRY_DELAY_MS = 100;

/** `name` says in the path whose it is. */
export const temporaryData = async (name: string): Promise<TemporaryData> => {
  const path = await mkdtemp(join(tmpdir(), `order-service-${name}-`));
  await chmod(path, 0o755); // as root PostgreSQL runs as another user, who must be able to enter
  const remove = async (): Promise<void> => {
    const outside = await dataOutside(join(path, 'postgres'));
    for (const folder of [path, outside]) if (folder) await deleteFolder(folder);
  };
  return { path, remove };
};

const deleteFolder = (folder: string): Promise<void> =>
  rm(folder, { recursive: true, force: true, maxRetries: DELETE_RETRIES, retryDelay: DELETE_RETRY_DELAY_MS });
