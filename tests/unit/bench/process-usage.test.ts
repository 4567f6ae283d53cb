import { spawn } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { familyCpu, parseIdle, parseStat, processCpu } from '../../../bench/measure/process-usage.ts';
import { eventually } from '../../support/eventually.ts';

describe('what /proc says', () => {
  test('a name in the way of the fields is passed over, whatever is in it', () => {
    const text = '42 (a) R (b 1) S 7 42 42 0 -1 4194304 1 2 3 4 150 50 300 100 20 0 1 0 0';
    expect(parseStat(text)).toEqual({ parent: 7, cpu: 2, cpuOfEnded: 4 });
  });

  test('a machine is idle when it has nothing to do or waits for a disk', () => {
    expect(parseIdle('cpu  100 0 200 1000 500 1 2 3 0 0\ncpu0 1 2 3 4 5\n')).toBe(15);
  });
});

describe.runIf(process.platform === 'linux')('CPU time', () => {
  test('counts what a process uses, its running children’s as the family’s, and its ended children’s as its own', async () => {
    const burn = (ms: number) => `while (process.cpuUsage().user < ${ms} * 1000);`;
    const script = `
      const { spawn } = require('node:child_process');
      const child = spawn(process.execPath, ['-e', ${JSON.stringify(`${burn(300)} process.stdin.resume();`)}], { stdio: ['pipe', 'ignore', 'ignore'] });
      process.stdin.once('data', () => child.stdin.destroy());
      process.stdin.resume();`;
    const parent = spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'ignore', 'ignore'] });
    try {
      const pid = parent.pid!;
      const ofChild = () => familyCpu(pid) - processCpu(pid);
      await eventually(() => ofChild() >= 0.2, { what: 'the child’s work to show up in the family' });
      const before = processCpu(pid);
      parent.stdin.write('end\n');
      await eventually(() => processCpu(pid) >= before + 0.2, { what: 'the ended child’s work to be its parent’s' });
      expect(ofChild()).toBe(0);
    } finally {
      parent.kill('SIGKILL');
    }
  });

  test('of a process that has ended cannot be told', () => {
    expect(() => processCpu(2 ** 30)).toThrow('has ended');
  });
});
