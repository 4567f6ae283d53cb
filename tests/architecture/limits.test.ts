// docs/limits.md says what the code does: every limit in its tables is a constant or a variable with that value.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { API_CONFIG } from '../../api/config.ts';
import { PROCESSOR_CONFIG } from '../../processor/config.ts';

const ROOT = join(import.meta.dirname, '../..');
const VARIABLES = { ...PROCESSOR_CONFIG.properties, ...API_CONFIG.properties } as Record<string, { default?: unknown }>;

const document = readFileSync(join(ROOT, 'docs/limits.md'), 'utf8');
const rows = [...document.matchAll(/^\| `([^`]+)` \| ([^|]+?) \| [^|]+ \| [^|]+ \|$/gm)].map(([, name, value]) => ({
  name: name!,
  value: value!,
}));
/** The last section: which tests hold a wait. */
const held = new Map(
  [...document.matchAll(/^\| `([^`]+)` \| (`[^|]+`) \|$/gm)].map(([, name, tests]) => [
    name!,
    [...tests!.matchAll(/`([^`]+)`/g)].map(([, test]) => test!),
  ]),
);

/** The numbers of a constant's initial value, in their order, as the document writes them; null without such a constant. */
const numbersOf = (path: string, constant: string): string | null => {
  const code = readFileSync(join(ROOT, path), 'utf8').replaceAll(/\/\/.*$/gm, '');
  const value = new RegExp(`const ${constant}\\b[^=]*= ([^;]+);`).exec(code)?.[1];
  return value === undefined ? null : written([...value.matchAll(/[\d_]{1,}/g)].map(([digits]) => Number(digits.replaceAll('_', ''))));
};

const written = (numbers: readonly number[]): string => numbers.map((number) => number.toLocaleString('en-US')).join(' · ');

describe('docs/limits.md', () => {
  it('has tables that can be read', () => {
    expect(rows.length).toBeGreaterThan(40);
  });

  it.each(rows)('has the value of $name', ({ name, value }) => {
    if (!name.includes(':')) {
      expect(Object.keys(VARIABLES)).toContain(name);
      const fallback = VARIABLES[name]!.default;
      expect(value).toBe(fallback === undefined ? '–' : written([fallback as number]));
      return;
    }
    const [path, constant] = name.split(':') as [string, string];
    expect(numbersOf(path, constant), `${constant} in ${path}`).toBe(value);
  });

  it('names a test for every wait, and no other', () => {
    const waits = rows.map(({ name }) => name).filter((name) => name.endsWith('_MS'));
    expect([...held.keys()].sort()).toEqual(waits.sort());
  });

  it.each([...held])('has a test that holds %s', (_, tests) => {
    for (const test of tests) expect(existsSync(join(ROOT, `tests/${test}.test.ts`)), test).toBe(true);
  });
});
