// What the code has and what the documents say are the same.
// Every event type, error code, metric and variable has its row, and no row is left of something that is gone. Links of the documents lead
// somewhere.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { API_CONFIG } from '../../api/config.ts';
import { PROBLEMS } from '../../api/http/problems.ts';
import { START_VARIABLES } from '../../ops/local-stack/settings.ts';
import { PROCESSOR_CONFIG } from '../../processor/config.ts';
import { PARK_CODES } from '../../processor/fulfilment/fulfilment.ts';
import { PROJECTOR_CONFIG } from '../../projector/config.ts';
import { DEAD_LETTER_REASONS } from '../../shared/log/codec/envelope.ts';
import { ORDER_VOCABULARY } from '../../shared/log/codec/order-codec.ts';
import { PRODUCT_VOCABULARY } from '../../shared/log/codec/product-codec.ts';
import { wireTypesOf } from '../../shared/log/codec/wire-types.ts';
import { EFFECTS } from '../../shared/order/order.ts';
import { APP_ERRORS } from '../../shared/runtime/app-error.ts';
import { WORLD_NAMES } from '../simulation/scenarios.ts';

const ROOT = join(import.meta.dirname, '../..');
const FOLDERS = ['api', 'processor', 'projector', 'shared', 'ops', 'bench', 'tests'];
const PATH_FROM_ROOT = /(?<![\w./${}-])(?:api|processor|projector|shared|ops|bench|tests)\/[\w./-]*\w/g;
const FILE_NAME = /(?<![\w./-])[a-z][\w-]*(?:\.test)?\.ts\b/g;
const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const DOCUMENTS = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' }).map((name) => join('docs', name)),
].filter((name) => name.endsWith('.md'));

/** The first code span of each table row in a document, optionally only below one heading. */
const rows = (path: string, pattern: RegExp, heading?: string): string[] => {
  const document = text(path);
  const part = heading === undefined ? document : (document.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '');
  return [...part.matchAll(/^\|(?: \d+ \|)? `([^`]+)` \|/gm)].map((row) => row[1]!).filter((name) => pattern.test(name));
};

/** As GitHub makes them of headings. */
const anchorsOf = (path: string): string[] =>
  [...text(path).matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );

const sourceFiles = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));

const metricNames = (): string[] => {
  const sources = ['api', 'processor', 'projector', 'shared'].flatMap(sourceFiles).map(text).join('\n');
  return [...new Set([...sources.matchAll(/name: '([a-z][a-z_]+)',\s+help:/g)].map((found) => found[1]!))];
};

describe('the documents', () => {
  it('have a row for every event type, and for no other', () => {
    expect(rows('docs/events.md', /^orders\./).sort()).toEqual([...wireTypesOf(ORDER_VOCABULARY).keys()].sort());
  });

  it('have a row for every product event type, and for no other', () => {
    expect(rows('docs/events.md', /^products\./).sort()).toEqual([...wireTypesOf(PRODUCT_VOCABULARY).keys()].sort());
  });

  it('have a row for every effect and every reason of a dead letter', () => {
    expect(rows('docs/events.md', /./, 'Effects').sort()).toEqual([...EFFECTS].sort());
    expect(rows('docs/events.md', /./, 'Dead letters').sort()).toEqual([...DEAD_LETTER_REASONS].sort());
  });

  it('have a row for every code of a parked order', () => {
    expect(rows('docs/events.md', /^FULFILMENT_/).sort()).toEqual([...PARK_CODES].sort());
  });

  it('have a row for every error code, with its status', () => {
    const [http, operating] = text('docs/errors.md').split('## Operating errors');
    const listed = [...http!.matchAll(/^\| (\d+) \| `([A-Z_]+)` \|/gm)].map(([, status, code]) => `${status} ${code}`);
    expect(listed.sort()).toEqual(
      Object.entries(PROBLEMS)
        .map(([code, { status }]) => `${status} ${code}`)
        .sort(),
    );
    const codes = [...operating!.matchAll(/^\| `([A-Z_]+)` \| (yes|no) \|/gm)].map(([, code, retryable]) => [code, retryable === 'yes']);
    expect(Object.fromEntries(codes)).toEqual(APP_ERRORS);
  });

  it('have a row for every metric, and for no other', () => {
    expect(metricNames().length).toBeGreaterThan(15);
    expect(rows('docs/metrics.md', /./).sort()).toEqual(metricNames().sort());
  });

  it('have a row for every variable with its default, in docs/configuration.md and in .env.example', () => {
    const schemas = [API_CONFIG, PROCESSOR_CONFIG, PROJECTOR_CONFIG, START_VARIABLES].map(({ properties }) => properties);
    const variables = Object.assign({}, ...schemas.toReversed()) as Record<string, { default?: unknown }>;
    const documented = [...text('docs/configuration.md').matchAll(/^\| `([A-Z_]+)` \| (?:`([^`]*)`|–)/gm)].map(([, name, value]) => [
      name,
      value,
    ]);
    expect(documented.map(([name]) => name).sort()).toEqual(Object.keys(variables).sort());
    for (const [name, value] of documented) {
      const expected = variables[name!]!.default;
      if (expected !== undefined && expected !== '') expect([name, value]).toEqual([name, String(expected)]);
    }
    const example = [...text('.env.example').matchAll(/^#([A-Z_]+)=/gm)].map(([, name]) => name!);
    expect(example.sort()).toEqual(Object.keys(variables).sort());
  });

  it('have a row for every script of package.json, and name no other', () => {
    const { scripts } = JSON.parse(text('package.json')) as { scripts: Record<string, string> };
    const named = (path: string): string[] =>
      [...text(path).matchAll(/`(?:[^`\n]*&& )?npm (?:run )?([a-z][a-z:]*)/g)].map(([, name]) => name!);
    expect(new Set(named('docs/commands.md').filter((name) => name !== 'ci'))).toEqual(new Set(Object.keys(scripts)));
    const unknown = DOCUMENTS.flatMap((path) =>
      [...text(path).matchAll(/npm run (?:-s )?([a-z][a-z:]*)/g)].map(([, name]) => `${path}: ${name}`),
    );
    expect(unknown.filter((each) => !(each.split(': ')[1]! in scripts))).toEqual([]);
  });

  it('have a row for every alert, and for no other', () => {
    const alerts = [...text('ops/prometheus/rules.yml').matchAll(/- alert: (\w+)/g)].map(([, name]) => name!);
    expect(rows('docs/operations.md', /^Order/).sort()).toEqual(alerts.sort());
  });

  it('name fault tests that exist, and every one of them', () => {
    const named = new Set([...text('docs/guarantees.md').matchAll(/`([a-z-]+)`/g)].map(([, name]) => name!));
    const tests = sourceFiles('tests/reliability').map((path) => basename(path, '.test.ts'));
    expect(tests.length).toBeGreaterThan(15);
    expect(tests.filter((name) => !named.has(name))).toEqual([]);
    const paths = [...text('docs/guarantees.md').matchAll(/`(tests\/[a-z/-]+)`/g)].map(([, path]) => path!);
    const missing = paths.filter((path) => ![path, `${path}.ts`, `${path}.test.ts`].some((name) => existsSync(join(ROOT, name))));
    expect(missing).toEqual([]);
  });

  it('name worlds of the simulation that exist', () => {
    const named = [...text('docs/guarantees.md').matchAll(/simulation \(([^)]*)\)/g)].flatMap(([, inside]) =>
      [...inside!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!),
    );
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !WORLD_NAMES.includes(name))).toEqual([]);
  });

  it('link to files that exist', () => {
    const dead = DOCUMENTS.flatMap((name) =>
      [...text(name).matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)]
        .map((link) => join(dirname(name), link[1]!))
        .filter((target) => !existsSync(join(ROOT, target)))
        .map((target) => `${name} → ${target}`),
    );
    expect(dead).toEqual([]);
  });

  it('have a section for every place to which a sentence of the product sends an operator, and for every drill', () => {
    const sources = ['api', 'processor', 'projector', 'shared', 'ops'].flatMap(sourceFiles).map(text).join('\n');
    const named = [...sources.matchAll(/docs\/recovery\.md#([a-z-]+)/g)].map(([, anchor]) => anchor!);
    const drills = [...sources.matchAll(/section: '([a-z-]+)',/g)].map(([, anchor]) => anchor!);
    expect(drills.length).toBeGreaterThan(8);
    const headings = anchorsOf('docs/recovery.md');
    expect([...new Set([...named, ...drills])].filter((anchor) => !headings.includes(anchor))).toEqual([]);
  });

  it('link to headings that exist', () => {
    const dead = DOCUMENTS.flatMap((name) =>
      [...text(name).matchAll(/\]\((?!https?:)([^)#]*)#([^)]+)\)/g)]
        .map((link) => ({ target: link[1] === '' ? name : join(dirname(name), link[1]!), anchor: link[2]! }))
        .filter(({ target, anchor }) => !anchorsOf(target).includes(anchor))
        .map(({ target, anchor }) => `${name} → ${target}#${anchor}`),
    );
    expect(dead).toEqual([]);
  });

  it('name files and folders that exist, and so do comments', () => {
    const files = FOLDERS.flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
    );
    const known = new Set([...FOLDERS, ...files]);
    const names = new Set(files.map((name) => basename(name)));
    const exists = (path: string) => ['', '.ts', '.test.ts'].some((end) => known.has(path + end));
    const stale = (where: string, words: string): string[] => {
      const paths = [...words.matchAll(PATH_FROM_ROOT)].map(([path]) => path).filter((path) => !exists(path));
      const bare = [...words.matchAll(FILE_NAME)].map(([name]) => name).filter((name) => !names.has(name));
      return [...paths, ...bare].map((what) => `${where}: ${what}`);
    };
    const comments = (path: string) =>
      text(path)
        .match(/(?:^|\s)(?:\/\/|\*) .*$/gm)
        ?.join('\n') ?? '';
    const sources = files.filter((name) => name.endsWith('.ts'));
    expect(sources.length).toBeGreaterThan(300);
    expect([...DOCUMENTS.flatMap((name) => stale(name, text(name))), ...sources.flatMap((name) => stale(name, comments(name)))]).toEqual(
      [],
    );
  });
});
