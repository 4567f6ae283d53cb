// tests/mutants/run-one.ts: one process, one world, one mutant or none.
// Runs seeds until something is violated or all are run, and prints what it found as one line of JSON. `node run-one.ts --world W --from S
// --seeds N [--mutant NAME]`.

import { parseArgs } from 'node:util';
import { mutate } from './mutant.ts';
import { MUTANTS } from './mutants.ts';
import type { Finding } from './run.ts';

const { values } = parseArgs({
  options: {
    world: { type: 'string', default: '' },
    mutant: { type: 'string' },
    from: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
  },
});
const mutant = MUTANTS.find(({ name }) => name === values.mutant) ?? null;
if (values.mutant !== undefined && mutant === null) throw new Error(`there is no mutant ${values.mutant}`);
const isLoaded = mutant === null ? () => true : mutate(mutant);
const { loadWorld } = await import('../simulation/scenarios.ts');
const world = await loadWorld(values.world);
if (!isLoaded()) throw new Error(`the world ${values.world} does not load ${mutant?.file}`);

const first = Number(values.from);
const finding: Finding = { seed: null, seeds: 0, violation: null };
for (let seed = first; seed < first + Number(values.seeds) && finding.violation === null; seed += 1) {
  const [violation] = await world(seed).catch((error: Error) => [`the world ended: ${error.stack}`]);
  finding.seeds += 1;
  if (violation !== undefined) Object.assign(finding, { seed, violation });
}
process.stdout.write(`${JSON.stringify(finding)}\n`, () => process.exit());
