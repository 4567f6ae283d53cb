// ops/cli/terminal.ts: what a person or a script sees of a verb: progress on stderr, the result on stdout.

import { isUndefinedTable } from '../../shared/postgres/errors.ts';
import { AppError } from '../../shared/runtime/app-error.ts';

export interface Terminal {
  /** Overwrites itself on a terminal; elsewhere a line every few seconds. */
  progress: (line: string) => void;
  /** The last word: lines for people, or the object as JSON. */
  result: (object: object, lines: readonly string[]) => void;
  failure: (error: unknown) => void;
  /** Many of one kind: a table for people, or each object as a line of JSON. */
  list: (objects: readonly object[], lines: readonly string[]) => void;
}

const REDRAW_MS = 100;
const LINE_EVERY_MS = 5_000;
const CLEAR_LINE = '\r\x1b[2K';

export const createTerminal = (options: { json: boolean }): Terminal => {
  const redraws = process.stderr.isTTY;
  let nextAt = 0;
  let drawn = false;
  const clear = (): void => {
    if (drawn) process.stderr.write(CLEAR_LINE);
    drawn = false;
  };
  return {
    progress: (line) => {
      const now = performance.now();
      if (now < nextAt) return;
      nextAt = now + (redraws ? REDRAW_MS : LINE_EVERY_MS);
      drawn = redraws;
      process.stderr.write(redraws ? `${CLEAR_LINE}${line}` : `${line}\n`);
    },
    result: (object, lines) => {
      clear();
      process.stdout.write(options.json ? `${JSON.stringify(object)}\n` : lines.map((line) => `${line}\n`).join(''));
    },
    list: (objects, lines) => {
      clear();
      const printed = options.json ? objects.map((each) => JSON.stringify(each)) : lines;
      process.stdout.write(printed.map((line) => `${line}\n`).join(''));
    },
    failure: (error) => {
      clear();
      process.stderr.write(`${sentenceOf(error)}\n`);
      if (options.json) process.stdout.write(`${JSON.stringify({ error: sentenceOf(error) })}\n`);
    },
  };
};

const sentenceOf = (error: unknown): string => {
  if (error instanceof AppError) return error.message;
  if (!(error instanceof Error)) return String(error);
  const { code } = error as Error & { code?: string };
  if (isUndefinedTable(error)) return 'There is no read model in this schema yet: a projector makes it when it starts.';
  if (code === 'ECONNREFUSED') return 'The database does not answer at the given address.';
  return error.stack ?? error.message;
};

/** A number as people read it: 1,234,567. */
export const count = (number: number): string => number.toLocaleString('en-US');
