import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { privateFolder } from '../../../../ops/local-stack/private-folder.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'private-folder-'));
});
afterEach(() => rmSync(folder, { recursive: true }));
const modeOf = (path: string) => statSync(path).mode & 0o777;

test('is for its owner alone, new or left open by an earlier start', async () => {
  const [fresh, open] = [join(folder, 'a', 'fresh'), join(folder, 'open')];
  mkdirSync(open, { mode: 0o755 });
  for (const path of [fresh, open, fresh]) {
    await privateFolder(path);
    expect(modeOf(path)).toBe(0o700);
  }
});

test('can be passed through, but not listed, where another user must reach what lies in it', async () => {
  const path = join(folder, 'postgres');
  await privateFolder(path, { passable: true });
  expect(modeOf(path)).toBe(0o711);
});
