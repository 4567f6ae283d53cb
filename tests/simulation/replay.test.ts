// Goal: a seed that shows a fault shows it again, step by step. Method: the same seed of each world twice, in one process and in another.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { loadWorld, WORLD_NAMES } from './scenarios.ts';

const traceOf = async (name: string, seed: number): Promise<string> => {
  const lines: string[] = [];
  const world = await loadWorld(name);
  await world(seed, (line) => lines.push(line));
  return createHash('sha256').update(lines.join('\n')).digest('hex');
};

describe('the simulation', () => {
  it.each(WORLD_NAMES)('makes of a seed the same history, step by step: %s', async (name) => {
    expect(await traceOf(name, 7)).toBe(await traceOf(name, 7));
    expect(await traceOf(name, 8)).not.toBe(await traceOf(name, 7));
  });

  it('replays a seed in another process', async () => {
    const name = 'orders';
    const world = await loadWorld(name);
    const lines: string[] = [];
    await world(7, (line) => lines.push(line));
    expect(lines.length).toBeGreaterThan(50);
    const args = ['tests/simulation/main.ts', '--world', name, '--from', '7', '--seeds', '1', '--trace'];
    const printed = execFileSync(process.execPath, args);
    expect(printed.toString().split('\n').slice(0, lines.length)).toEqual(lines);
  });
});
