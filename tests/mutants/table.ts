// tests/mutants/table.ts: what runs have found, as lines of a table; and the same seeds once more without any mutant.

import { type Mutant, seedsOf } from './mutant.ts';
import { type Finding, inParallel, runUnmutated } from './run.ts';

export interface MutantRun {
  mutant: Mutant;
  finding: Finding;
}

const columns = (mutant: string, rule: string, world: string, seeds: string, seed: string, violation: string): string =>
  `${mutant.padEnd(30)} ${rule.padEnd(12)} ${world.padEnd(20)} ${seeds.padStart(11)} ${seed.padStart(6)}  ${violation}`;

export const TABLE_HEAD = columns('mutant', 'rule', 'world', 'seeds', 'found', 'first violation');

/** First and last seed that are tried. */
const rangeOf = (mutant: Mutant): string => {
  const { from, to } = seedsOf(mutant);
  return `${from}–${to - 1}`;
};

export const row = ({ mutant, finding }: MutantRun): string => {
  const { seed, violation } = finding;
  const what = violation === null ? 'NOT FOUND' : violation.split('\n')[0]!;
  return columns(mutant.name, mutant.rule, mutant.world, rangeOf(mutant), String(seed ?? '-'), what.slice(0, 110));
};

/** Violations of the product as it is, in the seeds in which the mutants were found: anything here means that nothing was proved. */
export const controlled = async (runs: readonly MutantRun[]): Promise<string[]> => {
  const ranges = new Map<string, { world: string; from: number; to: number }>();
  for (const { mutant, finding } of runs) {
    if (finding.seed === null) continue;
    const { world } = mutant;
    const { from } = seedsOf(mutant);
    const known = ranges.get(`${world} ${from}`);
    ranges.set(`${world} ${from}`, { world, from, to: Math.max(known?.to ?? 0, finding.seed) });
  }
  const found = await inParallel([...ranges.values()], async ({ world, from, to }) => {
    const { seed, violation } = await runUnmutated(world, from, to - from + 1);
    return violation === null ? [] : [`world ${world}, seed ${seed}: ${violation}`];
  });
  return found.flat();
};

/** The table of docs/simulation.md. */
export const documented = (mutants: readonly Mutant[]): string => {
  const rows = mutants.map(
    (mutant) => `| ${mutant.rule} | \`${mutant.name}\` | ${mutant.why} | \`${mutant.file}\` | ${mutant.world} | ${rangeOf(mutant)} |`,
  );
  return ['| rule | mutant | what it would do | in | found by | within seeds |', '|---|---|---|---|---|---|', ...rows].join('\n');
};
