// ops/local-stack/processes/keep-running.ts: one process that is started again whenever it ends, until it is told to stop. Recovery in this
// service is a fresh start, so this is its last line of defence.

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, renameSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../../shared/runtime/app-error.ts';
import { fileSize, lastLine } from './log-tail.ts';
import type { OsIdentity } from './run-tool.ts';

export interface ProcessSpec {
  /** In run.json and before each of its lines. */
  name: string;
  port: number;
  command: string;
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  cwd: string;
  identity?: OsIdentity | null;
  /** stdout and stderr are appended to this file; absent: each line goes to `onLine`. */
  outputFile?: string;
  /** Where it says why it ended. */
  logFile?: string;
  stopSignal: 'SIGTERM' | 'SIGINT';
  /** A part of its command line that no process of another folder has: what a former run left over is known by it. */
  marker: string;
  /** Runs before every start, the first and the later ones. */
  beforeStart?: () => Promise<void>;
  /** How it says that its configuration is refused; absent: it never does, and every end is followed by a start. */
  refusal?: Refusal;
  /** Asked repeatedly while it starts; must answer within seconds. */
  isReady: () => Promise<boolean>;
}

export interface Refusal {
  /** It ends with this and would again: it is not started any more. */
  exitCode: number;
  /** What a line says about it, which is then handed on with the end instead of by itself; null: the line is about something else. */
  sentenceIn: (line: string) => string | null;
}

export interface ProcessEvents {
  /** The process id changed: it was started, again or for the first time, or it ended. */
  onChange: () => void;
  onLine: (name: string, line: string) => void;
  say: (sentence: string) => void;
  /** It ended for good, because its configuration was refused. Absent: `say` hears of it. */
  onRefused?: (name: string, sentence: string) => void;
}

export interface ReadyOptions {
  limitMs: number;
  orEnds: boolean;
  signal?: AbortSignal;
}

export interface KeptProcess {
  readonly spec: ProcessSpec;
  /** Of the running process; between an end and the next start null. */
  pid: () => number | null;
  /** Of the running process or, between an end and the next start, of the one that ended; null before the first start. */
  lastPid: () => number | null;
  start: () => void;
  /**
   * Resolves when it is ready, or when it was stopped. Rejects with LOCAL_STACK after `limitMs`, or, with `orEnds`, as soon
   * as it has ended by itself; with CONFIG_INVALID when its configuration is refused; with the signal's reason when that is aborted.
   */
  untilReady: (options: ReadyOptions) => Promise<void>;
  /** Signals it once, and resolves when it has ended; it is not started again. Does not give up: see `kill`. */
  stop: () => Promise<void>;
  kill: () => void;
}

// The first restart is immediate; a crash loop slows down to one start in five seconds. A process that ran for longer than
// that starts at once again: it cannot make starts any more frequent.
const BACKOFF_FIRST_MS = 250;
const BACKOFF_MAX_MS = 5_000;
const READY_POLL_MS = 50;
// Process output is for diagnosis; two files of this size are plenty.
const OUTPUT_FILE_MAX_BYTES = 10 * 1024 * 1024;

/** Delay before restart number `restarts` (0 = the first) of a process that does not stay up. */
export const restartDelayMs = (restarts: number): number =>
  restarts === 0 ? 0 : Math.min(BACKOFF_FIRST_MS * 2 ** (restarts - 1), BACKOFF_MAX_MS);

export const keepRunning = (spec: ProcessSpec, { onChange, onLine, say, ...events }: ProcessEvents): KeptProcess => {
  const onRefused = events.onRefused ?? ((name, sentence) => say(`${name} is not started again: ${sentence}`));
  let child: ChildProcess | null = null;
  let lastPid: number | null = null;
  let launching: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let stopping = false;
  let restarts = 0;
  let ends = 0;
  let refusal: string | null = null; // what it said about it
  let endedForGood = false;
  const logsFrom = logFiles(spec).map(fileSize); // what the files said before is about former runs

  const endForGood = (): void => {
    endedForGood = true;
    if (!stopping) onRefused(spec.name, refusal ?? 'its configuration is refused.');
  };
  const launch = async (): Promise<void> => {
    const startedAt = Date.now();
    let ended = false;
    const onEnd = (how: string, forGood = false) => {
      if (ended) return;
      ended = true;
      ends += 1;
      child = null;
      onChange();
      if (stopping || forGood) return;
      if (Date.now() - startedAt >= BACKOFF_MAX_MS) restarts = 0;
      const delayMs = restartDelayMs(restarts++);
      say(`${spec.name} ended (${how}); starting it again ${delayMs === 0 ? 'at once' : `in ${delayMs} ms`}`);
      timer = setTimeout(relaunch, delayMs);
    };
    try {
      await spec.beforeStart?.();
      if (stopping) return;
      child = spawnChild(spec);
    } catch (error) {
      onEnd((error as Error).message);
      return;
    }
    child.once('error', (error) => child?.pid === undefined && onEnd(error.message));
    const isRefusal = (code: number | null): boolean => spec.refusal !== undefined && code === spec.refusal.exitCode;
    child.once('exit', (code, signal) => onEnd(signal ?? `exit code ${code}`, isRefusal(code)));
    // Only now its last line has been read.
    child.once('close', (code) => isRefusal(code) && endForGood());
    const onOutput = (line: string): void => {
      const sentence = spec.refusal?.sentenceIn(line) ?? null;
      if (sentence === null) onLine(spec.name, line);
      else refusal = sentence;
    };
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', onOutput);
    }
    lastPid = child.pid ?? lastPid;
    onChange();
  };
  const relaunch = () => {
    launching = launch();
  };

  const untilReady = async ({ limitMs, orEnds, signal }: ReadyOptions): Promise<void> => {
    const endsBefore = ends;
    const failure = (what: string) => new AppError('LOCAL_STACK', `${spec.name} ${what}${diagnosis(spec, logsFrom)}`);
    const deadline = Date.now() + limitMs;
    while (!stopping && !(await spec.isReady())) {
      signal?.throwIfAborted();
      if (endedForGood) throw new AppError('CONFIG_INVALID', `${spec.name}: ${refusal ?? 'its configuration is refused.'}`);
      if (orEnds && ends > endsBefore) throw failure('ended while it was starting');
      if (Date.now() >= deadline) throw failure(`is not ready after ${limitMs / 1000} s`);
      await delay(READY_POLL_MS);
    }
  };

  let ending: Promise<void> | null = null;
  const stop = (): Promise<void> => {
    ending ??= (async () => {
      stopping = true;
      clearTimeout(timer);
      await launching;
      const running = child;
      if (!running || running.exitCode !== null || running.signalCode !== null) return;
      const ended = new Promise((resolve) => running.once('exit', resolve));
      running.kill(spec.stopSignal);
      await ended;
    })();
    return ending;
  };

  return {
    spec,
    pid: () => child?.pid ?? null,
    lastPid: () => lastPid,
    start: relaunch,
    untilReady,
    stop,
    kill: () => child?.kill('SIGKILL'),
  };
};

/** In a session of its own: Ctrl-C reaches the supervisor alone, which then stops everything in order. */
const spawnChild = (spec: ProcessSpec): ChildProcess => {
  const file = spec.outputFile === undefined ? null : openOutput(spec.outputFile);
  try {
    const stdio = file === null ? (['ignore', 'pipe', 'pipe'] as const) : (['ignore', file, file] as const);
    return spawn(spec.command, spec.args, { env: spec.env, cwd: spec.cwd, ...spec.identity, detached: true, stdio: [...stdio] });
  } finally {
    if (file !== null) closeSync(file);
  }
};

const openOutput = (path: string): number => {
  if (fileSize(path) > OUTPUT_FILE_MAX_BYTES) renameSync(path, `${path}.1`);
  return openSync(path, 'a', 0o600);
};

const logFiles = (spec: ProcessSpec): string[] => [spec.logFile, spec.outputFile].filter((file) => file !== undefined);

const diagnosis = (spec: ProcessSpec, logsFrom: readonly number[]): string => {
  const files = logFiles(spec);
  const said = files.map((file, index) => lastLine(file, logsFrom[index]!)).find((line) => line !== null);
  const where = files.length === 0 ? '' : ` (more in ${files.join(' and ')})`;
  return `${said ? `: ${said}` : '.'}${where}`;
};
