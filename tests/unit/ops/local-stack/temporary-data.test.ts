import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryData } from '../../../../ops/local-stack/temporary-data.ts';

// Fills a folder for a while, says so when it has begun, and ends by itself.
const WRITER = `
  const { mkdirSync, writeFileSync } = require('node:fs');
  const folder = process.argv[1];
  let files = 0;
  const until = Date.now() + 1500;
  while (Date.now() < until) {
    try { writeFileSync(folder + '/' + files, ''); } catch { mkdirSync(folder, { recursive: true }); }
    if (files++ === 0) process.stdout.write('begun');
  }
`;

test('is deleted though a process of the stack that was killed goes on writing for a moment', async () => {
  const { path, remove } = await temporaryData('unit');
  const writer = spawn(process.execPath, ['-e', WRITER, join(path, 'postgres', 'data')], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(writer.stdout, 'data');
  const ended = once(writer, 'exit');
  await remove();
  await ended;
  await remove(); // what the writer made after the folder was gone
  expect(existsSync(path)).toBe(false);
});
