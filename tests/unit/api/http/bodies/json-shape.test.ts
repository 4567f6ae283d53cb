// How much structure a JSON text has: counted as the parser would find it, whatever stands in its strings.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JSON_DEPTH_MAX, JSON_ENTRIES_MAX, shapeProblem } from '../../../../../api/http/bodies/json-shape.ts';

const isTaken = (text: string): boolean => shapeProblem(text) === null;
const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
const list = (entries: number): string => `[${Array.from({ length: entries }, () => '1').join(',')}]`;
const fields = (entries: number): string => `{${Array.from({ length: entries }, (_, n) => `"k${n}":1`).join(',')}}`;

/** Counted on the value, by another way than the code's. An empty array or object counts as one with one entry. */
const shapeOf = (value: unknown): { depth: number; entries: number } => {
  if (typeof value !== 'object' || value === null) return { depth: 0, entries: 0 };
  const inner = Object.values(value).map(shapeOf);
  return {
    depth: 1 + Math.max(0, ...inner.map(({ depth }) => depth)),
    entries: Math.max(1, inner.length) + inner.reduce((sum, { entries }) => sum + entries, 0),
  };
};

describe('a JSON text', () => {
  it('is taken when its value is within the bounds, and only then', () => {
    const value = fc.jsonValue({ maxDepth: 12, depthSize: 'max' });
    fc.assert(
      fc.property(value, fc.constantFrom(undefined, 1, '\t'), (any, space) => {
        const { depth, entries } = shapeOf(any);
        expect(isTaken(JSON.stringify(any, null, space))).toBe(depth <= JSON_DEPTH_MAX && entries <= JSON_ENTRIES_MAX);
      }),
    );
  });

  it.each([
    ['levels', nested(JSON_DEPTH_MAX), nested(JSON_DEPTH_MAX + 1)],
    ['elements', list(JSON_ENTRIES_MAX), list(JSON_ENTRIES_MAX + 1)],
    ['fields', fields(JSON_ENTRIES_MAX), fields(JSON_ENTRIES_MAX + 1)],
    ['fields of one name', `{${'"a":1,'.repeat(JSON_ENTRIES_MAX - 1)}"a":1}`, `{${'"a":1,'.repeat(JSON_ENTRIES_MAX)}"a":1}`],
    ['empty objects', `[${'{},'.repeat(248)}{}]`, `[${'{},'.repeat(250)}{}]`],
  ])('has as many %s as are allowed, and not one more', (_what, most, more) => {
    expect(isTaken(most)).toBe(true);
    expect(shapeProblem(more)).toMatchObject({ code: 'VALIDATION_FAILED', extras: { errors: [{ path: '/' }] } });
  });

  it.each(['[', '{', ',', '\\"[', '\\\\\\"[', '\\u005b[', '€[', '\u{1f600}{'])('may have any number of %j in its strings', (piece) => {
    expect(isTaken(`{"a":"${piece.repeat(1_000)}","b":"${piece.repeat(1_000)}"}`)).toBe(true);
  });

  it.each([
    ['behind a string that ends with a backslash', `["\\\\",${nested(JSON_DEPTH_MAX)}]`],
    ['behind an escaped quote', `["\\"",${nested(JSON_DEPTH_MAX)}]`],
    ['that are never closed', '['.repeat(JSON_DEPTH_MAX + 1)],
    ['that are closed wrongly', '[}'.repeat(JSON_DEPTH_MAX) + '['.repeat(JSON_DEPTH_MAX + 1)],
  ])('is refused for levels %s', (_what, text) => {
    expect(isTaken(text)).toBe(false);
  });

  it('that is not JSON is for the parser to refuse', () => {
    for (const text of ['', '"', '"\\', '}}}}', 'nothing', ':::::']) expect(isTaken(text)).toBe(true);
  });
});
