// tests/simulation/planted/table.ts: what trials have found, as lines of a table; and the same seeds once more without any bug.

import type { Bug } from './bug.ts';
import { type Finding, inParallel, tryNone } from './finding.ts';

export interface Trial {
  bug: Bug;
  finding: Finding;
}

const columns = (bug: string, rule: string, world: string, seed: string, seconds: string, violation: string): string =>
  `${bug.padEnd(30)} ${rule.padEnd(12)} ${world.padEnd(14)} ${seed.padStart(6)} ${seconds.padStart(7)}  ${violation}`;

export const TABLE_HEAD = columns('bug', 'rule', 'world', 'seed', 'seconds', 'first violation');

export const row = ({ bug, finding }: Trial): string => {
  const { seed, seeds, seconds, violation } = finding;
  const what = violation === null ? `NOT FOUND in ${seeds} seeds` : violation.split('\n')[0]!;
  return columns(bug.name, bug.rule, bug.world, String(seed ?? '-'), seconds.toFixed(1), what.slice(0, 110));
};

/** Violations of the product as it is, in the seeds in which the bugs were found: anything here means that nothing was proved. */
export const controlled = async (trials: readonly Trial[]): Promise<string[]> => {
  const ranges = new Map<string, { world: string; from: number; to: number }>();
  for (const { bug, finding } of trials) {
    if (finding.seed === null) continue;
    const { world, from = 1 } = bug;
    const known = ranges.get(`${world} ${from}`);
    ranges.set(`${world} ${from}`, { world, from, to: Math.max(known?.to ?? 0, finding.seed) });
  }
  const found = await inParallel([...ranges.values()], async ({ world, from, to }) => {
    const { seed, violation } = await tryNone(world, from, to - from + 1);
    return violation === null ? [] : [`world ${world}, seed ${seed}: ${violation}`];
  });
  return found.flat();
};

/** The table of docs/simulation.md. */
export const documented = (bugs: readonly Bug[]): string => {
  const rows = bugs.map(({ name, rule, why, file, world }) => `| ${rule} | \`${name}\` | ${why} | \`${file}\` | ${world} |`);
  return ['| rule | planted bug | what it would do | in | found by |', '|---|---|---|---|---|', ...rows].join('\n');
};
