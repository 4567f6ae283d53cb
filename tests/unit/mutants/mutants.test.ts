// The list of mutants: each fits the product as it is. Whoever changes a line that a mutant replaces changes the mutant with it
// (tests/mutants/mutants); whether it is still found, `npm run mutants -- NAME` says in seconds.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT, withMutation } from '../../mutants/mutant.ts';
import { MUTANTS } from '../../mutants/mutants.ts';
import { documented } from '../../mutants/table.ts';

describe('mutants', () => {
  it('are at least forty, each of a name of its own', () => {
    expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
    expect(MUTANTS.length).toBeGreaterThanOrEqual(40);
  });

  it('are one line each, which is in its file once', () => {
    for (const mutant of MUTANTS) expect(withMutation(mutant), mutant.name).not.toBe(readFileSync(join(ROOT, mutant.file), 'utf8'));
  });

  it('are listed in docs/simulation.md with what finds them', () => {
    expect(readFileSync(join(ROOT, 'docs/simulation.md'), 'utf8')).toContain(documented(MUTANTS));
  });
});
