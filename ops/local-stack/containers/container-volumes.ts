// ops/local-stack/containers/container-volumes.ts: what a data folder knows of the data that a container engine holds for it.
// The volume's name and what belongs to it. Without the memory a new volume is begun; none is ever deleted.

import { existsSync, readFileSync } from 'node:fs';
import { replaceFile } from '../processes/supervisor-file.ts';

export interface Remembered<T> {
  value: T;
  /** Once the container works: a volume that was half initialised when a start was killed is not used again. */
  remember: () => void;
}

const FILE = 'data.json';

/** What `dir` remembers, else what `make` returns. The file is for the owner's eyes only: there may be a password in it. */
export const remembered = <T extends object>(dir: string, make: () => T): Remembered<T> => {
  const file = `${dir}/${FILE}`;
  let known = existsSync(file);
  const value = known ? (JSON.parse(readFileSync(file, 'utf8')) as T) : make();
  const remember = (): void => {
    if (!known) replaceFile(file, value);
    known = true;
  };
  return { value, remember };
};

export const remembersVolume = (dir: string): boolean => existsSync(`${dir}/${FILE}`);
