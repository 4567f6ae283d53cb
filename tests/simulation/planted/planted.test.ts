// Goal: what is wrong with the product is found. Method: every rule is broken in one line, outside the product's code, and a simulated world
// has to find it within a minute; the same seeds without the bug are clean. A bug that nothing finds is a hole in the worlds.

import { describe, expect, it } from 'vitest';
import { BUGS } from './bugs.ts';
import { CAUGHT_WITHIN_SECONDS, inParallel, tryBug } from './finding.ts';
import { controlled, row, TABLE_HEAD, type Trial } from './table.ts';

const ALL_TOGETHER_MS = 400_000; // a minute on two free cores; much less than any one bug may take

describe('planted bugs', () => {
  it(
    'are found within a minute, and the same seeds without them are clean',
    async () => {
      const trials = await inParallel(BUGS, async (bug): Promise<Trial> => ({ bug, finding: await tryBug(bug) }));
      process.stdout.write(`${[TABLE_HEAD, ...trials.map(row)].join('\n')}\n`);
      const late = trials.filter(({ finding }) => finding.violation === null || finding.seconds > CAUGHT_WITHIN_SECONDS);
      expect(late.map(row)).toEqual([]);
      // A bug that only breaks the program proves nothing about the rule.
      expect(trials.filter(({ finding }) => /\b(Type|Reference|Syntax)Error\b/.test(finding.violation!)).map(row)).toEqual([]);
      expect(await controlled(trials)).toEqual([]);
    },
    ALL_TOGETHER_MS,
  );
});
