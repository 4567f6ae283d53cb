// Goal: what is wrong with the product is found. Method: every rule is broken in one line, outside the product's code, and a simulated world
// has to find it within so many seeds; the same seeds without the mutant are clean. A mutant that nothing finds is a hole in the worlds.

import { describe, expect, it } from 'vitest';
import { patience } from '../support/machine.ts';
import { MUTANTS } from './mutants.ts';
import { inParallel, runMutant } from './run.ts';
import { controlled, type MutantRun, row, TABLE_HEAD } from './table.ts';

const HANG_MS = 900_000; // two minutes on two free cores; each run has a limit of its own

describe('mutants', () => {
  it(
    'are found within their seeds, and the same seeds without them are clean',
    async () => {
      const runs = await inParallel(MUTANTS, async (mutant): Promise<MutantRun> => ({ mutant, finding: await runMutant(mutant) }));
      process.stdout.write(`${[TABLE_HEAD, ...runs.map(row)].join('\n')}\n`);
      expect(runs.filter(({ finding }) => finding.violation === null).map(row)).toEqual([]);
      // A mutant that only breaks the program proves nothing about the rule.
      expect(runs.filter(({ finding }) => /\b(Type|Reference|Syntax)Error\b/.test(finding.violation!)).map(row)).toEqual([]);
      expect(await controlled(runs)).toEqual([]);
    },
    patience(HANG_MS),
  );
});
