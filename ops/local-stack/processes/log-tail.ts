// ops/local-stack/processes/log-tail.ts: the end of a log file, for a sentence that says why a process ended.

import { closeSync, openSync, readSync, statSync } from 'node:fs';

const TAIL_BYTES = 8192;
const LINE_MAX = 300;

/** 0 for a file that is not there. */
export const fileSize = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/**
 * The last line written after byte `from` that tells of an error, else the last one that is not empty; null when there is
 * none. A file that is shorter than `from` was started again and counts as a whole.
 */
export const lastLine = (path: string, from: number): string | null => {
  const size = fileSize(path);
  const start = Math.max(size < from ? 0 : from, size - TAIL_BYTES);
  const lines = readFrom(path, start, size)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const line = lines.findLast((text) => /ERROR|FATAL/.test(text)) ?? lines.at(-1);
  return line?.slice(0, LINE_MAX) ?? null;
};

const readFrom = (path: string, start: number, end: number): string => {
  if (end <= start) return '';
  const file = openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(end - start);
    return buffer.toString('utf8', 0, readSync(file, buffer, 0, buffer.length, start));
  } finally {
    closeSync(file);
  }
};
