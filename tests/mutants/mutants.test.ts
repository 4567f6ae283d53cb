// Goal: what is wrong with the product is found. Method: every rule is broken in one line, outside the product's code, and a simulated world
// has to find it within a minute; the same seeds without the mutant are clean. A mutant that nothing finds is a hole in the worlds.

import { describe, expect, it } from 'vitest';
import { MUTANTS } from './mutants.ts';
import { CAUGHT_WITHIN_SECONDS, inParallel, runMutant } from './run.ts';
import { controlled, type MutantRun, row, TABLE_HEAD } from './table.ts';

const ALL_TOGETHER_MS = 400_000; // a minute on two free cores; much less than any one mutant may take

describe('mutants', () => {
  it(
    'are found within a minute, and the same seeds without them are clean',
    async () => {
      const runs = await inParallel(MUTANTS, async (mutant): Promise<MutantRun> => ({ mutant, finding: await runMutant(mutant) }));
      process.stdout.write(`${[TABLE_HEAD, ...runs.map(row)].join('\n')}\n`);
      const late = runs.filter(({ finding }) => finding.violation === null || finding.seconds > CAUGHT_WITHIN_SECONDS);
      expect(late.map(row)).toEqual([]);
      // A mutant that only breaks the program proves nothing about the rule.
      expect(runs.filter(({ finding }) => /\b(Type|Reference|Syntax)Error\b/.test(finding.violation!)).map(row)).toEqual([]);
      expect(await controlled(runs)).toEqual([]);
    },
    ALL_TOGETHER_MS,
  );
});
