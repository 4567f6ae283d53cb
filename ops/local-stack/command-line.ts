// ops/local-stack/command-line.ts: is a process id still the process that it was? Ids are given out again, so nothing is ever
// signalled on the strength of its id alone.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** The command line of a running process, arguments separated by spaces; null when there is none (an ended one included). */
export const commandLineOf = (pid: number): string | null => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() || null;
  } catch {
    // No such process, or a system without /proc.
  }
  if (process.platform === 'linux') return null;
  try {
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).trim() || null;
  } catch {
    return null;
  }
};

/** True when `pid` runs and `marker` is one of its arguments. */
export const runsWith = (pid: number, marker: string): boolean => ` ${commandLineOf(pid) ?? ''} `.includes(` ${marker} `);
