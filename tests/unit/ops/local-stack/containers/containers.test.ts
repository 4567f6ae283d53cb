// When `npm start` and the tests take containers, and what such a container is told: without an engine.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { remembered } from '../../../../../ops/local-stack/containers/container-volumes.ts';
import { publishOnLoopback } from '../../../../../ops/local-stack/containers/loopback.ts';
import { containerName } from '../../../../../ops/local-stack/containers/orphaned-containers.ts';
import { KAFKA_IMAGE, POSTGRES_IMAGE } from '../../../../../ops/local-stack/containers/supervised-containers.ts';
import { type Choice, containersChosen } from '../../../../../ops/local-stack/containers/use-containers.ts';

let folder: string;
let dir: string;
let localData: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'containers-'));
  [dir, localData] = [join(folder, 'container'), join(folder, 'local')];
  mkdirSync(dir);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const NO_IMAGE = { sentence: 'the container engine cannot run it' };
const choose = async (options: Partial<Choice>) => {
  const said: string[] = [];
  const asked: string[] = [];
  const problem = options.problem ?? (async () => null);
  const counted = async () => {
    asked.push('engine');
    return await problem();
  };
  const choice = { wish: 'auto', what: 'broker', dir, localData, say: (sentence: string) => void said.push(sentence), ...options } as const;
  return { chosen: await containersChosen({ ...choice, problem: counted }), said, asked };
};

describe('the rung of containers', () => {
  it('applies where an engine can run the image', async () => {
    expect(await choose({})).toEqual({ chosen: true, said: [], asked: ['engine'] });
  });

  it('is passed over with one sentence where it cannot', async () => {
    const outcome = await choose({ problem: async () => NO_IMAGE });
    expect(outcome).toMatchObject({ chosen: false, said: ['the container engine cannot run it: local broker'] });
  });

  it('is passed over in silence, the engine unasked, for a folder with local data', async () => {
    mkdirSync(localData);
    expect(await choose({})).toEqual({ chosen: false, said: [], asked: [] });
  });

  it('is kept to by a folder whose data is in a volume: no engine means no start', async () => {
    remembered(dir, () => ({ volume: 'v' })).remember();
    mkdirSync(localData);
    expect(await choose({})).toMatchObject({ chosen: true });
    const refused = { code: 'LOCAL_STACK', message: expect.stringContaining('start the engine, or set BACKING_SERVICES=local') };
    await expect(choose({ problem: async () => NO_IMAGE })).rejects.toMatchObject(refused);
  });

  it('is asked for or refused by BACKING_SERVICES, whatever the folder holds', async () => {
    mkdirSync(localData);
    expect(await choose({ wish: 'containers' })).toMatchObject({ chosen: true });
    await expect(choose({ wish: 'containers', problem: async () => NO_IMAGE })).rejects.toMatchObject({ code: 'LOCAL_STACK' });
    remembered(dir, () => ({ volume: 'v' })).remember();
    expect(await choose({ wish: 'local' })).toEqual({ chosen: false, said: [], asked: [] });
  });
});

describe('what a folder remembers of its container', () => {
  it('is forgotten unless the container worked once, and is for the owner alone', () => {
    let made = 0;
    const ask = () => remembered(dir, () => ({ volume: `v${made++}` }));
    expect(ask().value).toEqual({ volume: 'v0' });
    const second = ask();
    second.remember();
    expect(second.value).toEqual({ volume: 'v1' });
    expect(ask().value).toEqual({ volume: 'v1' });
    expect(statSync(join(dir, 'data.json')).mode & 0o777).toBe(0o600);
  });
});

describe('a container', () => {
  it('is named after its folder, and no other folder has that name', () => {
    expect(containerName('/a/.data', 'broker')).toBe(containerName('/a/.data', 'broker'));
    expect(containerName('/a/.data', 'broker')).not.toBe(containerName('/b/.data', 'broker'));
  });

  it('publishes its ports on loopback', () => {
    const hostConfig = { PortBindings: { '9092/tcp': [{ HostPort: '9092' }], '9093/tcp': [{ HostPort: '0' }] } };
    publishOnLoopback(hostConfig);
    expect(Object.values(hostConfig.PortBindings).flat()).toEqual([
      { HostPort: '9092', HostIp: '127.0.0.1' },
      { HostPort: '0', HostIp: '127.0.0.1' },
    ]);
  });

  it('runs the images of docker-compose.yml', () => {
    const compose = readFileSync(join(import.meta.dirname, '../../../../../docker-compose.yml'), 'utf8');
    for (const image of [KAFKA_IMAGE, POSTGRES_IMAGE]) expect(compose).toContain(`image: ${image}\n`);
  });
});
