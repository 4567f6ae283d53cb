// The shape of the house: who may import whom. A new folder or file is covered without a change here.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const FOLDERS = ['api', 'processor', 'projector', 'shared', 'ops', 'bench', 'tests'];
const ROLES = ['api', 'processor', 'projector'];

const filesOf = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((name) => name.endsWith('.ts') && statSync(join(ROOT, name)).isFile());

interface SourceFile {
  name: string;
  text: string;
  /** Paths from the root for relative imports, package names for others. */
  imports: string[];
}

const IMPORT = /^\s*(?:import|export)\s(?:type\s)?(?:[^'";]*?\sfrom\s)?'(?<from>[^']+)';?|import\('(?<dynamic>[^']+)'\)/gm;

const read = (name: string): SourceFile => {
  const text = readFileSync(join(ROOT, name), 'utf8');
  const imports = [...text.matchAll(IMPORT)].map(({ groups }) => {
    const from = groups?.from ?? groups?.dynamic ?? '';
    return from.startsWith('.') ? relative(ROOT, normalize(join(ROOT, dirname(name), from))) : from;
  });
  return { name, text, imports };
};

const files = FOLDERS.flatMap(filesOf).map(read);
const product = files.filter(({ name }) => !/^(tests|bench)\//.test(name));
const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\/|(^|\s)\/\/.*$/gm, '');
type Imports = Pick<SourceFile, 'name' | 'imports'>;

/** What a reader can take in at a glance (style: about 15). */
const FILES_SIDE_BY_SIDE_MAX = 15;

const foldersOf = (among: readonly Imports[]): string[] => {
  const folders = new Set<string>();
  for (const { name } of among) for (let folder = dirname(name); folder !== '.'; folder = dirname(folder)) folders.add(folder);
  return ['.', ...folders];
};

/** Who needs whom among the files and folders that lie directly in `folder`. */
const arrowsWithin = (folder: string, among: readonly Imports[]): Map<string, string[]> => {
  const prefix = folder === '.' ? '' : `${folder}/`;
  const thingOf = (path: string): string | null =>
    path.startsWith(prefix) && path.endsWith('.ts') ? prefix + path.slice(prefix.length).split('/')[0] : null;
  const arrows = new Map<string, string[]>();
  for (const { name, imports } of among) {
    const thing = thingOf(name);
    if (thing === null) continue;
    const others = imports.map(thingOf).filter((other) => other !== null && other !== thing) as string[];
    arrows.set(thing, [...(arrows.get(thing) ?? []), ...others]);
  }
  return arrows;
};

/** A circle of each group of things that need one another; empty when they can be read one after the other. */
const circles = (arrows: ReadonlyMap<string, readonly string[]>): string[] => {
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (thing: string, path: readonly string[]): void => {
    if (path.includes(thing)) found.push([...path.slice(path.indexOf(thing)), thing].join(' → '));
    if (done.has(thing) || path.includes(thing)) return;
    for (const next of arrows.get(thing) ?? []) visit(next, [...path, thing]);
    done.add(thing);
  };
  for (const thing of arrows.keys()) visit(thing, []);
  return found;
};

const isPackage = (path: string, name: string): boolean => path === name || path.startsWith(`${name}/`);

const offenders = (among: SourceFile[], isWrong: (file: SourceFile) => string | undefined | false): string[] =>
  among.flatMap((file) => {
    const why = isWrong(file);
    return why ? [`${file.name}: ${why}`] : [];
  });

describe('imports', () => {
  it('finds the files it is about', () => {
    expect(files.length).toBeGreaterThan(50);
    expect(files.find(({ name }) => name === 'shared/order/order.ts')?.imports).toContain('shared/order/lifecycle.ts');
  });

  it('keeps the roles apart: they talk through the log', () => {
    const wrong = offenders(
      product.filter(({ name }) => ROLES.includes(name.split('/')[0]!)),
      ({ name, imports }) => imports.find((path) => ROLES.some((role) => role !== name.split('/')[0] && path.startsWith(`${role}/`))),
    );
    expect(wrong).toEqual([]);
  });

  it('keeps shared/order pure: it imports nothing outside itself', () => {
    const core = files.filter(({ name }) => name.startsWith('shared/order/'));
    expect(offenders(core, ({ imports }) => imports.find((path) => !path.startsWith('shared/order/')))).toEqual([]);
  });

  it('keeps shared/product pure: it imports nothing outside itself', () => {
    const core = files.filter(({ name }) => name.startsWith('shared/product/'));
    expect(core.length).toBeGreaterThan(3);
    expect(offenders(core, ({ imports }) => imports.find((path) => !path.startsWith('shared/product/')))).toEqual([]);
  });

  it('keeps shared free of the roles', () => {
    const shared = files.filter(({ name }) => name.startsWith('shared/'));
    expect(offenders(shared, ({ imports }) => imports.find((path) => [...ROLES, 'ops'].some((top) => path.startsWith(`${top}/`))))).toEqual(
      [],
    );
  });

  it('imports kafkajs in shared/log only, and pg in shared/postgres only', () => {
    const outside = (folder: string, ...packages: string[]) =>
      offenders(
        product.filter(({ name }) => !name.startsWith(folder) && !name.startsWith('ops/')),
        ({ imports }) => imports.find((path) => packages.some((each) => isPackage(path, each))),
      );
    expect(outside('shared/log/', 'kafkajs')).toEqual([]);
    expect(outside('shared/postgres/', 'pg', 'pg-copy-streams', 'node-pg-migrate')).toEqual([]);
  });

  it('keeps the oracle apart from everything that it judges', () => {
    const oracle = files.filter(({ name }) => name.startsWith('tests/oracle/'));
    expect(oracle.length).toBeGreaterThan(10);
    const allowed = /^(tests\/oracle\/|node:|kafkajs$|pg$)/;
    expect(offenders(oracle, ({ imports }) => imports.find((path) => !allowed.test(path)))).toEqual([]);
  });

  it('reads the environment in main.ts files only', () => {
    const wrong = offenders(
      product,
      ({ name, text }) => !name.endsWith('/main.ts') && /process\.env\b/.test(withoutComments(text)) && 'reads process.env',
    );
    expect(wrong).toEqual([]);
  });

  it('has no circles between files, of types neither', () => {
    expect(circles(new Map(files.map(({ name, imports }) => [name, imports.filter((path) => path.endsWith('.ts'))])))).toEqual([]);
  });

  it('has no circles between what lies side by side in a folder', () => {
    const found = foldersOf(files).flatMap((folder) => circles(arrowsWithin(folder, files)));
    expect(found).toEqual([]);
  });

  it('sees a circle of two folders whose files have none', () => {
    const one = [
      { name: 'a/x/1.ts', imports: ['a/y/1.ts'] },
      { name: 'a/y/1.ts', imports: [] },
      { name: 'a/y/2.ts', imports: ['a/x/2.ts'] },
      { name: 'a/x/2.ts', imports: [] },
    ];
    expect(circles(new Map(one.map(({ name, imports }) => [name, imports])))).toEqual([]);
    expect(circles(arrowsWithin('a', one))).toEqual(['a/x → a/y → a/x']);
  });

  it('has at most fifteen files side by side in a folder', () => {
    const crowded = foldersOf(files)
      .map((folder) => [folder, files.filter(({ name }) => dirname(name) === folder).length] as const)
      .filter(([, count]) => count > FILES_SIDE_BY_SIDE_MAX);
    expect(crowded).toEqual([]);
  });

  it('has no barrels, and no file named for what it is not', () => {
    const wrong = files.map(({ name }) => name).filter((name) => /(^|\/)(index|utils?|helpers?|common|managers?)(\.ts|\/)/.test(name));
    expect(wrong).toEqual([]);
  });

  it('opens every file with a line that says what it is', () => {
    const wrong = product.filter(({ name, text }) => !text.replace(/^#!.*\n/, '').startsWith(`// ${name}: `)).map(({ name }) => name);
    expect(wrong).toEqual([]);
  });
});
