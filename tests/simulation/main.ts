// tests/simulation/main.ts: runs worlds by seed: `npm run simulate -- --seeds N --from S [--world NAME] [--seconds T] [--trace]`. Prints each
// violation with what replays it, and ends with 1; else says how many seeds were clean.

import { parseArgs } from 'node:util';
import { realSteady } from './kernel/virtual-time.ts';
import { loadWorld, WORLD_NAMES } from './scenarios.ts';

const FINDINGS_MAX = 10;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    world: { type: 'string' },
    seconds: { type: 'string', default: 'Infinity' },
    trace: { type: 'boolean', default: false },
  },
});
const names = values.world === undefined ? WORLD_NAMES : [values.world];
const [from, count, seconds] = [Number(values.from), Number(values.seeds), Number(values.seconds)];
const print = (line: string): void => void process.stdout.write(`${line}\n`);

const cpuBefore = process.cpuUsage();
const began = realSteady();
const deadline = began + seconds * 1_000;
let done = 0;
let findings = 0;
for (let seed = from; seed < from + count && realSteady() < deadline && findings < FINDINGS_MAX; seed += 1) {
  // One world a seed, in turn.
  const name = names[seed % names.length]!;
  const run = await loadWorld(name);
  const violations = await run(seed, values.trace ? print : undefined);
  done += 1;
  if (violations.length === 0) continue;
  findings += 1;
  print(`world ${name}, seed ${seed}: ${violations[0]}`);
}
const { user, system } = process.cpuUsage(cpuBefore);
const [took, busy] = [(realSteady() - began) / 1_000, (user + system) / 1_000_000];
print(
  `${done} seeds of ${names.join(', ')} from ${from}: ${findings} with violations, ` +
    `${Math.round(done / took)} seeds/s, ${Math.round(done / busy)} a second of processor time`,
);
process.exitCode = findings === 0 ? 0 : 1;
