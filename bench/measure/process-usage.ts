// bench/measure/process-usage.ts: what processes use, read from /proc: CPU time and memory. PostgreSQL is a family: a process with its
// children, one per connection, those that have ended included.

import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';

export interface ProcessStat {
  parent: number;
  /** User and system time, seconds. */
  cpu: number;
  /** The same of ended children that were waited for. */
  cpuOfEnded: number;
}

// USER_HZ: the unit of every time in /proc, 100 on every Linux that Node runs on. The kernel scales the sum of user and system
// time to what the scheduler has measured, so it is exact to one such unit.
const TICKS_PER_SECOND = 100;

/** Of one process's /proc/PID/stat. The name in it may contain anything, a closing parenthesis included. */
export const parseStat = (text: string): ProcessStat => {
  // From the field behind the name on: state, parent, …; see proc_pid_stat(5), whose numbers are higher by 3.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const seconds = (first: number) => (Number(fields[first]) + Number(fields[first + 1])) / TICKS_PER_SECOND;
  return { parent: Number(fields[1]), cpu: seconds(11), cpuOfEnded: seconds(13) };
};

/** Seconds that all cores together have been idle since the machine started, from /proc/stat. */
export const parseIdle = (text: string): number => {
  const [, , , , idle, ioWait] = /^cpu .*/m.exec(text)![0].split(/\s+/);
  return (Number(idle) + Number(ioWait)) / TICKS_PER_SECOND;
};

export const CORES = cpus().length;

export const idleSeconds = (): number => parseIdle(readFileSync('/proc/stat', 'utf8'));

const statOf = (pid: number): ProcessStat | null => {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return null; // it has ended
  }
};

const childrenOf = (parent: number): number[] => {
  try {
    return readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    // A kernel without that file (or no such process): by asking every process who its parent is, which costs milliseconds.
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => statOf(pid)?.parent === parent);
  }
};

/** Seconds of CPU that a process and those of its children that have ended have used. Throws when it has ended itself. */
export const processCpu = (pid: number): number => {
  const stat = statOf(pid);
  if (stat === null) throw new Error(`process ${pid} has ended`);
  return stat.cpu + stat.cpuOfEnded;
};

/** The same with the children that run. `except`: some that are not to count, and must not end while that matters. */
export const familyCpu = (pid: number, except: readonly number[] = []): number => {
  const children = childrenOf(pid).filter((child) => !except.includes(child));
  return children.reduce((sum, child) => sum + (statOf(child)?.cpu ?? 0), processCpu(pid));
};

/**
 * Megabytes (10^6) of memory that a process and its children have resident. Shared memory, of which every PostgreSQL process
 * shows what it has touched, counts once: as much as the one that has touched most.
 */
export const familyMemory = (pid: number): number => {
  const all = [pid, ...childrenOf(pid)].map(memoryOf);
  const shared = Math.max(...all.map((memory) => memory.shared));
  // Pages of files, the program itself above all, are shared too.
  const file = Math.max(...all.map((memory) => memory.file));
  return all.reduce((sum, memory) => sum + memory.anonymous, shared + file);
};

const memoryOf = (pid: number): { anonymous: number; shared: number; file: number } => {
  let text = '';
  try {
    text = readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    // It has ended.
  }
  const megabytes = (field: string) => (Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1_024) / 1_000_000;
  return { anonymous: megabytes('RssAnon'), shared: megabytes('RssShmem'), file: megabytes('RssFile') };
};
