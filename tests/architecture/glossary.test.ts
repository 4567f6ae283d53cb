// docs/glossary.md explains the words of the code.
// Each term stands in a file that its row names, so that a renamed term is noticed.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

interface Row {
  terms: string[];
  files: string[];
}

const rows: Row[] = [...text('docs/glossary.md').matchAll(/^\| \*\*(?<terms>[^*]+)\*\* \| .+ \| (?<where>.+) \|$/gm)].map(({ groups }) => ({
  terms: groups!.terms!.split(', '),
  files: [...groups!.where!.matchAll(/\(\.\.\/([\w./-]+\.ts)\)/g)].map(([, path]) => path!),
}));

/** `late duplicate`, `late-duplicates`, `lateDuplicate`, `LATE_DUPLICATE` are one term. */
const letters = (words: string): string => words.toLowerCase().replace(/[^a-z]/g, '');

describe('docs/glossary.md', () => {
  it('has a row for each term, in alphabetical order, each term once', () => {
    const lines = text('docs/glossary.md')
      .split('\n')
      .filter((line) => line.startsWith('| **'));
    expect(rows).toHaveLength(lines.length);
    const first = rows.map(({ terms }) => terms[0]!);
    expect(first).toEqual(first.toSorted((a, b) => a.localeCompare(b, 'en')));
    const terms = rows.flatMap((row) => row.terms);
    expect(new Set(terms).size).toBe(terms.length);
    expect(terms.length).toBeGreaterThan(40);
  });

  it.each(rows.flatMap(({ terms, files }) => terms.map((term) => ({ term, files }))))(
    'has “$term” as the code has it',
    ({ term, files }) => {
      expect(files.filter((path) => letters(text(path)).includes(letters(term)))).not.toEqual([]);
    },
  );
});
