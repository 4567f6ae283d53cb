// Goal: whatever the network, the broker, the database, clocks and processes do, what the service promises holds. Method: the real roles on
// simulated ground (docs/simulation.md), some thousand seeds over all worlds; a failing seed is in the message and replays alone.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { realSteady } from './kernel/virtual-time.ts';
import { WORLDS } from './scenarios.ts';

const names = Object.keys(WORLDS);
// Longer runs: npm run simulate.
const TIME_MS = 18_000 / names.length;
const SEEDS_MAX = 600;

const traceOf = async (world: string, seed: number): Promise<string> => {
  const lines: string[] = [];
  await WORLDS[world]!(seed, (line) => lines.push(line));
  expect(lines.length).toBeGreaterThan(50);
  return createHash('sha256').update(lines.join('\n')).digest('hex');
};

describe('the simulation', () => {
  it.each(names)('finds nothing wrong in the world of %s', async (name) => {
    const deadline = realSteady() + TIME_MS;
    for (let seed = 1; seed <= SEEDS_MAX && realSteady() < deadline; seed += 1) {
      const violations = await WORLDS[name]!(seed);
      expect(violations, `replay with: npm run simulate -- --world ${name} --from ${seed} --seeds 1 --trace`).toEqual([]);
    }
  });

  it.each(names)('makes of a seed the same history, step by step: %s', async (name) => {
    expect(await traceOf(name, 7)).toBe(await traceOf(name, 7));
  });

  it('replays a seed in another process', async () => {
    const [name] = names;
    const lines: string[] = [];
    await WORLDS[name!]!(7, (line) => lines.push(line));
    const printed = execFileSync(process.execPath, [
      'tests/simulation/main.ts',
      '--world',
      name!,
      '--from',
      '7',
      '--seeds',
      '1',
      '--trace',
    ]);
    expect(printed.toString().split('\n').slice(0, lines.length)).toEqual(lines);
  });
});
