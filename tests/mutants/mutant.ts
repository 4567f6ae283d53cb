// tests/mutants/mutant.ts: what a mutant is: one line of the product, replaced when its file is loaded. Nothing is written.

import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export const ROOT = join(import.meta.dirname, '../..');

export interface Mutant {
  name: string;
  /** The rule of the design that is switched off, or the topic. */
  rule: string;
  /** What it would do in production. */
  why: string;
  /** From the root of the repository. */
  file: string;
  /** Occurs in the file exactly once, so that a change of that line is noticed here. */
  find: string;
  replace: string;
  /** The world that finds it (tests/simulation/scenarios.ts). */
  world: string;
  /** The first seed that is tried; 1 by default. */
  from?: number;
  /** Within how many seeds it is found; SEEDS_MAX by default. */
  seeds?: number;
}

/** Most mutants show in one of the first seeds. Those that need a rare constellation name a range of their own. */
export const SEEDS_MAX = 20;

/** The seeds that are tried: up to, not including, `to`. */
export const seedsOf = ({ from = 1, seeds = SEEDS_MAX }: Pick<Mutant, 'from' | 'seeds'>): { from: number; to: number } => ({
  from,
  to: from + seeds,
});

/** The file with the mutant in it. Throws when the line is not there, or not once. */
export const withMutation = ({ name, file, find, replace }: Mutant, source = readFileSync(join(ROOT, file), 'utf8')): string => {
  const count = source.split(find).length - 1;
  if (count !== 1) throw new Error(`${name}: its line is in ${file} ${count} times, not once: ${find}`);
  return source.replace(find, () => replace);
};

/** From now on the file is loaded with the mutant in it. Returns whether that has happened: false means that nothing was tried. */
export const mutate = (mutant: Mutant): (() => boolean) => {
  const target = pathToFileURL(join(ROOT, mutant.file)).href;
  let loaded = false;
  registerHooks({
    load: (url, context, nextLoad) => {
      const module = nextLoad(url, context);
      if (url !== target) return module;
      loaded = true;
      return { ...module, source: withMutation(mutant, String(module.source)) };
    },
  });
  return () => loaded;
};
