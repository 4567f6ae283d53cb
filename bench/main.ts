// bench/main.ts: `npm run bench`: starts a whole stack of its own, measures it, prints the table and, with --write, generates
// docs/benchmarks.md. Reads the command line and the environment, and sees to it that nothing is left behind.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { temporaryData } from '../ops/local-stack/temporary-data.ts';
import type { Bench, BenchSettings } from './bench.ts';
import { type LoadClient, startLoadClient } from './load/load-client.ts';
import { warmUp } from './rates/warm-up.ts';
import { benchmarksDocument } from './report/document.ts';
import type { Findings } from './report/findings.ts';
import { merge, parseNotes, report } from './report/report.ts';
import { durablePost } from './scenarios/durable-post.ts';
import { hostile } from './scenarios/hostile.ts';
import { idle } from './scenarios/idle.ts';
import { latencies } from './scenarios/latencies.ts';
import { lists } from './scenarios/lists.ts';
import { ADMISSION_MAX_PER_SECOND, overload } from './scenarios/overload.ts';
import { rebuild } from './scenarios/rebuild.ts';
import { stock } from './scenarios/stock.ts';
import { throughput } from './scenarios/throughput.ts';
import { CHECKOUT, createEnvironment, type EnvironmentOptions, type Starting } from './system/environment.ts';
import { createSystem, type System } from './system/system.ts';

// Idle first, while nothing has happened yet; then from light load to heavy, because memory that a peak has taken is kept.
const ON_THE_SYSTEM = { f: idle, c: latencies, h: hostile, b: throughput, a: durablePost };
// The rebuild is of what the system has left behind; the others bring their own.
const IN_THE_ENVIRONMENT = { d: rebuild, l: lists, s: stock };
// A system of its own, whose api takes so few orders a second that one machine can bring ten times as many.
const ON_A_LIMITED_SYSTEM = { o: overload };
const PARTS = [ON_THE_SYSTEM, ON_A_LIMITED_SYSTEM, IN_THE_ENVIRONMENT].flatMap(Object.keys);
const SECONDS = { quick: 15, full: 60 };
const REBUILD_EVENTS = { quick: 100_000, full: 300_000 };
// All parts with every repetition on a busy machine stay below.
const RUN_LIMIT_MS = 60 * 60_000;

const startedAt = performance.now();
const say = (sentence: string): void =>
  console.error(`${((performance.now() - startedAt) / 1_000).toFixed(0).padStart(4)} s | ${sentence}`);

const count = (text: string): number => {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('Not a positive whole number.');
  return Number(text);
};
const parts = (text: string): string[] => {
  const named = text.split(',').map((part) => part.trim());
  if (!named.every((part) => PARTS.includes(part))) throw new InvalidArgumentError(`The parts are ${PARTS.toSorted().join(', ')}.`);
  return named;
};
const program = new Command('bench')
  .description('Measures the order service on this machine, on a broker and a database started for it.')
  .option(
    '--only <parts>',
    'a: durable POST, b: highest rate, c: latencies, d: rebuild, f: idle, h: hostile requests, l: lists, o: overload, s: stock; separated by commas',
    parts,
    PARTS,
  )
  .option('--quick', 'short measurements: to see that everything works, not for numbers to be quoted', false)
  .option('--seconds <seconds>', 'how long the highest rate must be held (default: 60, quick 15)', count)
  .option('--rebuild-events <events>', 'fill the log up to this many events before it is rebuilt (default: 300000, quick 100000)', count)
  .option('--write', 'generate docs/benchmarks.md', false)
  .parse();
const options = program.opts<{ only: string[]; quick: boolean; seconds?: number; rebuildEvents?: number; write: boolean }>();
const size = options.quick ? 'quick' : 'full';
const settings: BenchSettings = {
  quick: options.quick,
  seconds: options.seconds ?? SECONDS[size],
  rebuildEvents: options.rebuildEvents ?? REBUILD_EVENTS[size],
};

/** What runs, last started first; stopped in this order however the run ends. */
const running = new Set<() => Promise<void>>();
const stopAll = async (): Promise<void> => {
  for (const stop of [...running].reverse()) await stop().catch((error: Error) => say(error.message));
  running.clear();
};
const during = async <T, R>({ start, stop }: Starting<T>, work: (started: T) => Promise<R>): Promise<R> => {
  running.add(stop);
  try {
    return await work(await start());
  } finally {
    await stop();
    running.delete(stop);
  }
};

const failures: string[] = [];
const attempt = async (name: string, work: () => Promise<Findings>): Promise<Findings[]> => {
  say(`part ${name}`);
  try {
    return [await work()];
  } catch (error) {
    failures.push(`part ${name}: ${(error as Error).message}`);
    say(failures.at(-1)!);
    return [];
  }
};

const measureAll = async (environment: EnvironmentOptions, load: LoadClient): Promise<Findings> => {
  const all: Findings[] = [];
  const onTheSystem = Object.entries(ON_THE_SYSTEM).filter(([name]) => options.only.includes(name));
  const measureOnTheSystem = async (system: System): Promise<void> => {
    const bench: Bench = { system, load, settings, say };
    for (const [index, [name, scenario]] of onTheSystem.entries()) {
      if (name !== 'f' && (index === 0 || onTheSystem[index - 1]![0] === 'f')) await warmUp(bench);
      all.push(...(await attempt(name, () => scenario(bench))));
    }
  };
  if (options.only.some((name) => name in ON_THE_SYSTEM || name === 'd')) await during(createSystem(environment), measureOnTheSystem);
  const inTheEnvironment = Object.entries(IN_THE_ENVIRONMENT).filter(([name]) => options.only.includes(name));
  if (inTheEnvironment.length > 0) {
    await during(createEnvironment(environment), async (started) => {
      for (const [name, scenario] of inTheEnvironment)
        all.push(...(await attempt(name, () => scenario({ environment: started, settings, env: environment.env, say }))));
    });
  }
  for (const [name, scenario] of Object.entries(ON_A_LIMITED_SYSTEM)) {
    if (!options.only.includes(name)) continue;
    const folder = await temporaryData('bench');
    running.add(folder.remove);
    const env = { ...environment.env, ADMISSION_MAX_PER_SECOND: String(ADMISSION_MAX_PER_SECOND) };
    await during(createSystem({ ...environment, env, dataDir: folder.path }), async (system) => {
      all.push(...(await attempt(name, () => scenario({ system, load, settings, say }))));
    });
  }
  return merge(all);
};

const main = async (): Promise<void> => {
  const { PATH, HOME, TMPDIR, JAVA_HOME } = process.env;
  const folder = await temporaryData('bench');
  running.add(folder.remove);
  const load = startLoadClient();
  running.add(load.stop);
  const { findings, details } = await measureAll({ dataDir: folder.path, env: { PATH, HOME, TMPDIR, JAVA_HOME }, say }, load);
  await stopAll();

  const notes = parseNotes(readFileSync(join(import.meta.dirname, 'notes.md'), 'utf8'));
  console.log(report({ findings, details, notes }));
  if (options.write && failures.length === 0) {
    const command = `npm run bench -- ${process.argv.slice(2).join(' ')}`;
    const document = benchmarksDocument(report({ findings, details, notes }), { now: new Date(), command });
    writeFileSync(join(CHECKOUT, 'docs', 'benchmarks.md'), document);
  }
  for (const failure of failures) console.error(failure);
  process.exit(failures.length === 0 ? 0 : 1);
};

let abandoned = false;
const abandon = (reason: string): void => {
  if (abandoned) return; // stopping makes what is under way fail too
  abandoned = true;
  say(`${reason}; stopping`);
  void stopAll().finally(() => process.exit(1));
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => abandon(signal));
setTimeout(() => abandon(`not finished after ${RUN_LIMIT_MS / 60_000} minutes`), RUN_LIMIT_MS).unref();
main().catch((error: Error) => abandon(error.stack ?? error.message));
