// tests/mutants/run-one.ts: one process, one world, one mutant or none: runs seeds until something is violated or the time is up,
// and prints what it found as one line of JSON. `node run-one.ts --world W --from S --seconds T [--mutant NAME] [--seeds N]`.

import { parseArgs } from 'node:util';
import { mutate } from './mutant.ts';
import { MUTANTS } from './mutants.ts';
import type { Finding } from './run.ts';

const { values } = parseArgs({
  options: {
    world: { type: 'string' },
    mutant: { type: 'string' },
    from: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1000000' },
    seconds: { type: 'string', default: '60' },
  },
});
const mutant = MUTANTS.find(({ name }) => name === values.mutant) ?? null;
if (values.mutant !== undefined && mutant === null) throw new Error(`there is no mutant ${values.mutant}`);
const isLoaded = mutant === null ? () => true : mutate(mutant);
const { loadWorld } = await import('./worlds.ts');
const world = await loadWorld(values.world ?? '');
if (world === undefined) throw new Error(`there is no world ${values.world}`);
if (!isLoaded()) throw new Error(`the world ${values.world} does not load ${mutant?.file}`);

const startedAt = performance.now();
const first = Number(values.from);
const finding: Finding = { seed: null, seeds: 0, seconds: 0, violation: null };
for (let seed = first; seed < first + Number(values.seeds); seed += 1) {
  const [violation] = await world(seed).catch((error: Error) => [`the world ended: ${error.stack}`]);
  finding.seeds += 1;
  finding.seconds = (performance.now() - startedAt) / 1000;
  if (violation !== undefined) Object.assign(finding, { seed, violation });
  if (violation !== undefined || finding.seconds > Number(values.seconds)) break;
}
process.stdout.write(`${JSON.stringify(finding)}\n`, () => process.exit());
