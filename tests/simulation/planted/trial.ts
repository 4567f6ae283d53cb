// tests/simulation/planted/trial.ts: one process, one world, one bug or none: runs seeds until something is violated or the time is up,
// and prints what it found as one line of JSON. `node trial.ts --world W --from S --seconds T [--bug NAME] [--seeds N]`.

import { parseArgs } from 'node:util';
import { plant } from './bug.ts';
import { BUGS } from './bugs.ts';
import type { Finding } from './finding.ts';

const { values } = parseArgs({
  options: {
    world: { type: 'string' },
    bug: { type: 'string' },
    from: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1000000' },
    seconds: { type: 'string', default: '60' },
  },
});
const bug = BUGS.find(({ name }) => name === values.bug) ?? null;
if (values.bug !== undefined && bug === null) throw new Error(`there is no bug ${values.bug}`);
const isPlanted = bug === null ? () => true : plant(bug);
const { loadWorld } = await import('./worlds/worlds.ts');
const world = await loadWorld(values.world ?? '');
if (world === undefined) throw new Error(`there is no world ${values.world}`);
if (!isPlanted()) throw new Error(`the world ${values.world} does not load ${bug?.file}`);

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
