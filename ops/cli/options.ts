// ops/cli/options.ts: values of the command line's options that are more than a word.

import { InvalidArgumentError } from 'commander';

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `15m`, `1h`, `2d` in milliseconds. */
export const durationMs = (text: string): number => {
  const [, number, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (number === undefined || unit === undefined) throw new InvalidArgumentError('Give a number and s, m, h or d: 90s, 15m, 1h, 2d.');
  return Number(number) * UNITS_MS[unit]!;
};

/** `2026-11-21`, or with a time, `2026-11-21T08:00:00Z`, in epoch milliseconds. */
export const moment = (text: string): number => {
  const at = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d{1,3})?Z)?$/.test(text) ? Date.parse(text) : Number.NaN;
  // The 31st of February would be taken for a day in March.
  if (Number.isNaN(at) || !new Date(at).toISOString().startsWith(text.slice(0, 10)))
    throw new InvalidArgumentError('Give a date, or a time in UTC: 2026-11-21, 2026-11-21T08:00:00Z.');
  return at;
};

export const wholeNumber = (text: string): number => {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('Give a whole number.');
  return Number(text);
};
