// ops/drill/main.ts: `npm run drill -- CASE`: loses something on a stack of its own and comes back from it, before it happens in earnest.

import { Argument, Command } from 'commander';
import { AppError } from '../../shared/runtime/app-error.ts';
import { DRILL_CASES } from './cases.ts';
import { runDrill } from './drill.ts';

const print = (line: string): void => void process.stdout.write(`${line}\n`);

const program = new Command('drill')
  .description('Breaks a stack of its own in one way, shows what an operator would see, and does what docs/recovery.md says.')
  .addArgument(new Argument('[case]', 'what is lost').choices(DRILL_CASES.map(({ name }) => name)))
  .option('--list', 'the cases')
  .option('--json', 'the report as one line of JSON at the end');
program.parse();

const { list, json } = program.opts<{ list?: boolean; json?: boolean }>();
const drill = DRILL_CASES.find(({ name }) => name === program.args[0]);
if (list || drill === undefined) {
  const width = Math.max(...DRILL_CASES.map(({ name }) => name.length));
  for (const { name, loss } of DRILL_CASES) print(`${name.padEnd(width)}  ${loss}`);
} else {
  try {
    const report = await runDrill(drill, { say: json ? (line) => void process.stderr.write(`${line}\n`) : print, machine: process.env });
    if (json) print(JSON.stringify(report));
    process.exitCode = report.agrees && (report.lost === 0 || report.lostForGood !== null) ? 0 : 1;
  } catch (error) {
    process.stderr.write(`${error instanceof AppError ? error.message : error instanceof Error ? error.stack : error}\n`);
    process.exitCode = 1;
  }
}
