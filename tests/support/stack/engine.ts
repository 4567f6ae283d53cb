// tests/support/stack/engine.ts: does a container engine with compose answer on this machine?

import { spawnSync } from 'node:child_process';

const ANSWER_LIMIT_MS = 10_000;

/** Null when it does; else one sentence that says what is missing. */
export const whyNoEngine = (): string | null => {
  const ask = (...args: string[]) => spawnSync('docker', args, { stdio: 'ignore', timeout: ANSWER_LIMIT_MS });
  const info = ask('info');
  if (info.error !== undefined) return 'There is no docker command.';
  if (info.status !== 0) return 'No container engine answers.';
  return ask('compose', 'version').status === 0 ? null : 'The docker command has no compose plug-in.';
};
