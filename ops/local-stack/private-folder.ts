// ops/local-stack/private-folder.ts: folders that other users of the machine cannot read: every order is in them.

import { chmod, mkdir } from 'node:fs/promises';

export interface PrivateFolderOptions {
  /** Another OS user must reach what lies in it, by names that it knows. */
  passable?: boolean;
}

const OWNER_ONLY = 0o700;
const OWNER_AND_PASSERS = 0o711;

/** Makes it, or closes one that is open: whatever the umask is, and was. What lies in it may be as open as it likes. */
export const privateFolder = async (path: string, { passable = false }: PrivateFolderOptions = {}): Promise<void> => {
  const mode = passable ? OWNER_AND_PASSERS : OWNER_ONLY;
  await mkdir(path, { recursive: true });
  await chmod(path, mode);
};
