// ops/local-stack/containers/use-containers.ts: does the rung of containers apply? Where an engine answers, unless the data folder has its data on
// another rung: the orders of yesterday come first.

import { existsSync } from 'node:fs';
import { AppError } from '../../../shared/runtime/app-error.ts';
import { remembersVolume } from './container-volumes.ts';
import type { EngineProblem } from './engine.ts';

export interface Choice {
  wish: 'auto' | 'containers' | 'local';
  /** `broker`, `database`: for people. */
  what: string;
  /** The container's folder, and what the local rung leaves on its first start. */
  dir: string;
  localData: string;
  /** Asked only when the answer decides. */
  problem: () => Promise<EngineProblem | null>;
  say: (sentence: string) => void;
}

/** Throws LOCAL_STACK when containers are asked for, or hold the data, and there can be none. */
export const containersChosen = async ({ wish, what, dir, localData, problem, say }: Choice): Promise<boolean> => {
  if (wish === 'local') return false;
  const holdsData = remembersVolume(dir);
  if (wish === 'auto' && !holdsData && existsSync(localData)) return false;
  const found = await problem();
  if (!found) return true;
  const { sentence } = found;
  if (wish === 'containers') throw new AppError('LOCAL_STACK', `BACKING_SERVICES is containers, and ${sentence}.`);
  if (holdsData) {
    const advice = 'start the engine, or set BACKING_SERVICES=local to begin without that data';
    throw new AppError('LOCAL_STACK', `The ${what}'s data is in a container volume (${dir}), and ${sentence}: ${advice}.`);
  }
  say(`${sentence}: local ${what}`);
  return false;
};
