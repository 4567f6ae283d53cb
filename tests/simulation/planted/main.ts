// tests/simulation/planted/main.ts: `npm run simulate:planted [-- NAME…]`: plants every bug, or those named, one after the other, and prints
// what found them and when. Exit code 1 if one was not found within a minute, or if the product as it is violates anything.
// `--table` prints the table of docs/simulation.md instead.

import { BUGS } from './bugs.ts';
import { inParallel, tryBug } from './finding.ts';
import { controlled, documented, row, TABLE_HEAD } from './table.ts';

const wanted = process.argv.slice(2);
const bugs = BUGS.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
const say = (text: string): void => void process.stdout.write(`${text}\n`);

const tryAll = async (): Promise<void> => {
  say(TABLE_HEAD);
  const trials = await inParallel(bugs, async (bug) => {
    const trial = { bug, finding: await tryBug(bug) };
    say(row(trial));
    return trial;
  });
  const missed = trials.filter(({ finding }) => finding.violation === null);
  const wrong = await controlled(trials);
  for (const line of wrong) say(`without a bug: ${line}`);
  say(`${bugs.length - missed.length} of ${bugs.length} planted bugs were found, ${wrong.length} violations without one`);
  process.exitCode = missed.length + wrong.length === 0 ? 0 : 1;
};

if (wanted.includes('--table')) say(documented(BUGS));
else await tryAll();
