// ops/cli/options.ts: values of the command line's options that are more than a word.

import { InvalidArgumentError } from 'commander';
import { instantOf } from '../../shared/runtime/instant.ts';

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `15m`, `1h`, `2d` in milliseconds. */
export const durationMs = (text: string): number => {
  const [, number, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (number === undefined || unit === undefined) throw new InvalidArgumentError('Give a number and s, m, h or d: 90s, 15m, 1h, 2d.');
  return Number(number) * UNITS_MS[unit]!;
};

/** `2026-11-21` (its beginning in UTC), or with a time, `2026-11-21T08:00:00Z`, in epoch milliseconds. */
export const moment = (text: string): number => {
  const at = instantOf(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text);
  if (at === null) throw new InvalidArgumentError('Give a date, or a time: 2026-11-21, 2026-11-21T08:00:00Z, 2026-11-21T08:00:00+01:00.');
  return at;
};

export const wholeNumber = (text: string): number => {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('Give a whole number.');
  return Number(text);
};

export const schemaName = (text: string): string => {
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(text)) throw new InvalidArgumentError('Give the name of a schema: read_model_kept_2026_11_29.');
  return text;
};
