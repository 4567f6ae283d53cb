// tests/mutants/main.ts: `npm run mutants [-- NAME…]`: plants every mutant, or those named, one after the other, and prints
// what found them. Exit code 1 if one was not found within its seeds, or if the product as it is violates anything.
// `--table` prints the table of docs/simulation.md instead.

import { MUTANTS } from './mutants.ts';
import { inParallel, runMutant } from './run.ts';
import { controlled, documented, row, TABLE_HEAD } from './table.ts';

const wanted = process.argv.slice(2);
const mutants = MUTANTS.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
const say = (text: string): void => void process.stdout.write(`${text}\n`);

const tryAll = async (): Promise<void> => {
  say(TABLE_HEAD);
  const runs = await inParallel(mutants, async (mutant) => {
    const run = { mutant, finding: await runMutant(mutant) };
    say(row(run));
    return run;
  });
  const missed = runs.filter(({ finding }) => finding.violation === null);
  const wrong = await controlled(runs);
  for (const line of wrong) say(`without a mutant: ${line}`);
  say(`${mutants.length - missed.length} of ${mutants.length} mutants were found, ${wrong.length} violations without one`);
  process.exitCode = missed.length + wrong.length === 0 ? 0 : 1;
};

if (wanted.includes('--table')) say(documented(MUTANTS));
else await tryAll();
