// The list of planted bugs: each fits the product as it is. Whoever changes a line that a bug replaces changes the bug with it
// (tests/simulation/planted/bugs); whether it is still found, `npm run simulate:planted -- NAME` says in seconds.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT, withBug } from '../../simulation/planted/bug.ts';
import { BUGS } from '../../simulation/planted/bugs.ts';
import { documented } from '../../simulation/planted/table.ts';

describe('planted bugs', () => {
  it('are at least forty, each of a name of its own', () => {
    expect(new Set(BUGS.map(({ name }) => name)).size).toBe(BUGS.length);
    expect(BUGS.length).toBeGreaterThanOrEqual(40);
  });

  it('are one line each, which is in its file once', () => {
    for (const bug of BUGS) expect(withBug(bug), bug.name).not.toBe(readFileSync(join(ROOT, bug.file), 'utf8'));
  });

  it('are listed in docs/simulation.md with what finds them', () => {
    expect(readFileSync(join(ROOT, 'docs/simulation.md'), 'utf8')).toContain(documented(BUGS));
  });
});
