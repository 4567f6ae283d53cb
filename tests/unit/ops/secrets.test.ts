// npm run secrets: every secret once, none replaced, with a shell and without Node.

import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';

const SCRIPT = resolve(import.meta.dirname, '..', '..', '..', 'ops', 'secrets.sh');
const NAMES = ['JWT_SECRET', 'METRICS_TOKEN', 'POSTGRES_PASSWORD', 'GRAFANA_ADMIN_PASSWORD', 'KAFKA_CLUSTER_ID'];
// Where no Node is: neither npm's nor the machine's.
const TOOLS = ['/bin', '/usr/bin'];
const folders: string[] = [];

/** A checkout with nothing in it but the script and, unless null, .env. */
const checkoutWith = (text: string | null): string => {
  const folder = mkdtempSync(join(tmpdir(), 'order-service-secrets-'));
  folders.push(folder);
  mkdirSync(join(folder, 'ops'));
  copyFileSync(SCRIPT, join(folder, 'ops', 'secrets.sh'));
  if (text !== null) writeFileSync(join(folder, '.env'), text, { mode: 0o644 });
  return folder;
};

/** What the script printed, and what .env holds afterwards. */
const makeSecrets = (folder: string, env: NodeJS.ProcessEnv = { PATH: TOOLS.join(':') }): { said: string; text: string } => {
  const said = execFileSync('/bin/sh', [join(folder, 'ops', 'secrets.sh')], { cwd: '/', env, encoding: 'utf8', stdio: 'pipe' });
  return { said, text: readFileSync(join(folder, '.env'), 'utf8') };
};

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

describe('the secrets of .env', () => {
  it('are all made where there is no file, long enough, and different each time', () => {
    const [one, two] = [makeSecrets(checkoutWith(null)), makeSecrets(checkoutWith(null))];
    expect(one.said).toBe(`Added to .env: ${NAMES.join(', ')}.\n`);
    for (const name of NAMES) expect(parseEnv(one.text)[name]).not.toBe(parseEnv(two.text)[name]);
    expect(parseEnv(one.text).JWT_SECRET).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(Buffer.from(parseEnv(one.text).KAFKA_CLUSTER_ID!, 'base64url')).toHaveLength(16);
  });

  it('are kept when they are there, like everything else in the file', () => {
    const folder = checkoutWith('# ours\nPORT=8081\nJWT_SECRET=kept-kept-kept-kept-kept-kept-kept\nMETRICS_TOKEN=');
    const before = readFileSync(join(folder, '.env'), 'utf8');
    const { said, text } = makeSecrets(folder);
    expect(text.startsWith(`${before}\n`)).toBe(true);
    expect(said).not.toContain('JWT_SECRET');
    expect(parseEnv(text)).toMatchObject({
      PORT: '8081',
      JWT_SECRET: 'kept-kept-kept-kept-kept-kept-kept',
      METRICS_TOKEN: expect.stringMatching(/.{16}/),
    });
    expect(makeSecrets(folder)).toEqual({ said: '.env has every secret already.\n', text });
  });

  it.each([
    ['JWT_SECRET="quoted"', true],
    ["export JWT_SECRET='quoted' # ours", true],
    ['  JWT_SECRET = spaced \r', true],
    ['OTHER="a\nJWT_SECRET=inside another value\n"', false],
    ['OTHER="never closed\nJWT_SECRET=kept', true],
    ['JWT_SECRET="over\nlines"', true],
    ['# JWT_SECRET=commented', false],
    ['MY_JWT_SECRET=another', false],
    ['JWT_SECRET=""', false],
    ['JWT_SECRET= # to be filled in', false],
    ['JWT_SECRET=first\nJWT_SECRET=', false],
  ])('counts a value in %j as present: %s, as Node does', (text, present) => {
    expect(Boolean(parseEnv(text).JWT_SECRET), 'by Node').toBe(present);
    const { said } = makeSecrets(checkoutWith(text));
    expect(!said.includes('JWT_SECRET')).toBe(present);
  });

  it('can be read by their owner only, whatever the file was before', () => {
    const folder = checkoutWith('PORT=8081\n');
    makeSecrets(folder);
    expect(statSync(join(folder, '.env')).mode & 0o777).toBe(0o600);
    expect(existsSync(join(folder, '.env.new'))).toBe(false);
  });

  it('begin no cluster id with a dash, which would be read as an option', () => {
    // A base64 of our own: the first id that it makes begins with a dash.
    const folder = checkoutWith(
      NAMES.slice(0, 4)
        .map((name) => `${name}=x\n`)
        .join(''),
    );
    const tools = join(folder, 'tools');
    mkdirSync(tools);
    const fake =
      '#!/bin/sh\ncat >/dev/null\nif [ -e "$0.used" ]; then printf abcdefghijklmnopqrstuv==; else printf +bcdefghijklmnopqrstuv==; fi\n: >"$0.used"\n';
    writeFileSync(join(tools, 'base64'), fake, { mode: 0o755 });
    expect(makeSecrets(folder, { PATH: [tools, ...TOOLS].join(':') }).text).toContain('KAFKA_CLUSTER_ID=abcdefghijklmnopqrstuv\n');
  });

  it('leave the file alone, and say what is missing, where none can be made', () => {
    const folder = checkoutWith('PORT=8081\n');
    const tools = join(folder, 'tools');
    mkdirSync(tools);
    writeFileSync(join(tools, 'base64'), '#!/bin/sh\nexit 127\n', { mode: 0o755 });
    expect(() => makeSecrets(folder, { PATH: [tools, ...TOOLS].join(':') })).toThrow(/No random bytes could be made/);
    expect(readFileSync(join(folder, '.env'), 'utf8')).toBe('PORT=8081\n');
    expect(existsSync(join(folder, '.env.new'))).toBe(false);
  });
});
