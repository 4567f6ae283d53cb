// tests/chaos/main.ts: `npm run chaos`.
// A campaign of random faults under load on a broker, a database and roles of its own; then `verify` and the oracle's ledger. Exit code 1
// on any violation, and the evidence is kept.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { compare, type Evidence, type Ledger } from '../oracle/compare.ts';
import { evidenceAtRest } from '../oracle/oracle.ts';
import { seeded } from '../oracle/random.ts';
import { ledgerTable } from '../oracle/table.ts';
import { type Load, startLoad } from '../support/faults/load.ts';
import { measureMachine, patience } from '../support/machine.ts';
import { watchAvailability } from './availability.ts';
import { type Injected, runCampaign } from './campaign.ts';
import { FAULTS } from './faults/registry.ts';
import { succeed } from './repair.ts';
import { startWorld } from './world.ts';

const CHECKOUT = resolve(import.meta.dirname, '..', '..');
// The last faults are undone before; what is left is a take-over and the backlog of an outage.
const REST_LIMIT_MS = 180_000;
const PROGRESS_MS = 1_000;

const positive = (text: string): number => {
  const number = Number(text);
  if (!(number > 0)) throw new InvalidArgumentError('Not a positive number.');
  return number;
};
const program = new Command('chaos')
  .description('Breaks the order service at random for some minutes, under load, and says whether it kept its promises.')
  .option('--minutes <minutes>', 'how long', positive, 10)
  .option('--seed <seed>', 'repeats the choices of another run (default: a new one)', positive, Math.floor(Math.random() * 2 ** 31))
  .option('--rate <rate>', 'submissions, commands and reads per second', positive, 60)
  .option('--only <text...>', 'only faults whose name contains one of these')
  .option('--each', 'every fault once before chance chooses, however long that takes')
  .parse();
const options = program.opts<{ minutes: number; seed: number; rate: number; only?: string[]; each?: boolean }>();
const faults = FAULTS.filter(({ name }) => (options.only ?? ['']).some((text) => name.includes(text)));
if (faults.length === 0) program.error(`The faults are: ${FAULTS.map(({ name }) => name).join(', ')}.`);

const startedAt = performance.now();
const clock = (ms = performance.now() - startedAt): string => {
  const seconds = Math.floor(ms / 1_000);
  return `${String(Math.floor(seconds / 60)).padStart(2)}:${String(seconds % 60).padStart(2, '0')}`;
};
const say = (sentence: string): void => console.error(`${process.stderr.isTTY ? '\r\x1b[K' : ''}${clock()} ${sentence}`);

const outputDir = join(CHECKOUT, '.data', 'chaos', `${options.seed}-${new Date().toISOString().replaceAll(/[-:]|\..*/g, '')}`);
const interrupted = new AbortController();
/** What runs, last started first. */
const cleanups: (() => Promise<void>)[] = [];
const cleanUp = async (): Promise<void> => {
  for (const stop of cleanups.splice(0).reverse()) await stop().catch((error: Error) => say(error.message));
};

const showProgress = (load: Load): (() => void) => {
  if (!process.stderr.isTTY) return () => {};
  const timer = setInterval(() => {
    process.stderr.write(`\r\x1b[K${clock()} ${load.accepted()} orders accepted, ${load.inFlight()} requests under way`);
  }, PROGRESS_MS);
  return () => clearInterval(timer);
};

const main = async (): Promise<number> => {
  mkdirSync(outputDir, { recursive: true });
  measureMachine(say);
  say(
    `seed ${options.seed}: ${options.minutes} minutes at ${options.rate}/s; starting broker, database, standby and two instances of each role …`,
  );
  const world = await startWorld({ outputDir, say });
  cleanups.push(world.stop);
  const load = await startLoad(world.fleet, { seed: options.seed, perSecond: options.rate });
  const availability = watchAvailability(load.accepted);
  const stopProgress = showProgress(load);
  cleanups.push(async () => stopProgress());

  const random = seeded(options.seed);
  const durationMs = options.minutes * 60_000;
  const injected = await runCampaign({ world, faults, random, durationMs, each: options.each, signal: interrupted.signal, say });
  const longestPauseMs = availability.stop();
  say('healing, and waiting until everything has come to rest …');
  const failures = await failureOf(world.heal());
  await load.stop();
  const mayOversell = FAULTS.some((fault) => fault.mayOversell === true && injected.some(({ name }) => name === fault.name));
  const atRest = await evidenceAtRest(world.fleet.where, load.journal.entries, { timeoutMs: patience(REST_LIMIT_MS) });
  const evidence = { ...atRest, mayOversell };
  failures.push(...(await failureOf(succeed(world, 'verify'))));
  stopProgress();
  const ledger = compare(evidence);
  const restarts = world.fleet.members().reduce((sum, member) => sum + member.starts() - 1, 0);
  console.log(faultTable(injected));
  console.log(
    `\n${restarts} restarts of roles; the longest pause between two acknowledged orders was ${(longestPauseMs / 1_000).toFixed(1)} s\n`,
  );
  console.log(ledgerTable(ledger));
  failures.push(...injected.flatMap(({ name, error }) => (error === null ? [] : [`${name}: ${error}`])));
  for (const failure of failures) console.log(`  ! not recovered: ${failure}`);
  const clean = ledger.violations.length === 0 && failures.length === 0;
  if (!clean) keep(evidence, { load, injected, ledger });
  await cleanUp();
  if (clean) rmSync(outputDir, { recursive: true, force: true });
  console.log(clean ? '\nclean' : `\nNOT clean: the evidence is in ${outputDir}`);
  return clean ? 0 : 1;
};

const failureOf = (work: Promise<void>): Promise<string[]> =>
  work.then(
    () => [],
    (error: Error) => [error.message.split('\n')[0]!],
  );

const faultTable = (injected: readonly Injected[]): string => {
  const kinds = Map.groupBy(injected, ({ name }) => name);
  const rows = [...kinds].map(([name, each]) => `  ${String(each.length).padStart(4)}  ${name}`);
  return [`${injected.length} faults`, ...rows.sort().reverse()].join('\n');
};

const keep = (
  { orders, products, database }: Evidence,
  { load, injected, ledger }: { load: Load; injected: Injected[]; ledger: Ledger },
): void => {
  const lines = (all: readonly unknown[]) => all.map((each) => `${JSON.stringify(each)}\n`).join('');
  load.journal.write(join(outputDir, 'journal.ndjson'));
  writeFileSync(join(outputDir, 'orders.ndjson'), lines(orders));
  writeFileSync(join(outputDir, 'products.ndjson'), lines(products));
  writeFileSync(join(outputDir, 'database.json'), JSON.stringify(database));
  writeFileSync(join(outputDir, 'faults.ndjson'), lines(injected));
  writeFileSync(join(outputDir, 'ledger.json'), JSON.stringify(ledger, null, 2));
};

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (interrupted.signal.aborted) return;
    interrupted.abort();
    say(`${signal}; stopping`);
    void cleanUp().finally(() => process.exit(1));
  });
}
main().then(
  (code) => process.exit(code),
  async (error: Error) => {
    if (interrupted.signal.aborted) return; // stopping makes what is under way fail too
    say(error.stack ?? error.message);
    await cleanUp();
    process.exit(1);
  },
);
