// Goal: an outage is some lines in a log, not one for each attempt. Method: broker and database are killed twice each and all connections
// ended once, under load; then the lines that each role printed are counted, and every outage that was said to begin is over.

import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readableLine } from '../../../ops/local-stack/processes/readable-line.ts';
import { judge } from '../../oracle/oracle.ts';
import { eventually } from '../../support/eventually.ts';
import { type Load, startLoad } from '../../support/faults/load.ts';
import { terminateBackends } from '../../support/faults/terminate-backends.ts';
import { patience } from '../../support/machine.ts';
import { type OwnEnvironment, startOwnEnvironment } from '../../support/stack/own-environment.ts';
import { type Fleet, startFleet } from '../../support/stack/service/fleet.ts';
import { endAndAwait } from '../../support/stack/service/kept-process.ts';

interface LogLine {
  /** What failed, in the line that says so and in the one that says that it works again. */
  outage?: string;
  /** Only in the latter. */
  attempts?: number;
}

const ROLES = ['api', 'processor', 'projector'] as const;
const REST_LIMIT_MS = patience(60_000);
// Five faults, each seen by some five parts of a role, each of which says that it begins and that it is over.
const LINES_MAX = 5 * 5 * 2;

let outputDir: string;
let environment: OwnEnvironment;
let fleet: Fleet;
let load: Load;
beforeAll(async () => {
  outputDir = await mkdtemp(join(tmpdir(), 'order-service-lines-'));
  environment = await startOwnEnvironment();
  fleet = await startFleet({ ...environment, env: { PROCESSING_TIME_MS: '100', LOG_LEVEL: 'info' }, outputDir });
  load = await startLoad(fleet, { seed: 11, perSecond: 100 });
});
afterAll(async () => {
  await fleet?.stop();
  await environment?.stop();
  await rm(outputDir, { recursive: true });
});

/** What it has printed so far, a line each. */
const printedBy = (name: string): string[] =>
  readFileSync(join(outputDir, `${name}.log`), 'utf8')
    .trimEnd()
    .split('\n');

/** How many lines `npm start` makes of them: a stack takes many. */
const readable = (printed: readonly string[]): number => printed.reduce((sum, line) => sum + readableLine(line).split('\n').length, 0);

describe('five short faults under load', () => {
  it('are told in some lines, each with an end', async () => {
    const before = new Map(fleet.members().map(({ name }) => [name, printedBy(name).length]));
    const faults = [
      () => endAndAwait(environment.postgres),
      () => endAndAwait(environment.broker),
      async () => void (await Promise.all(ROLES.map((role) => terminateBackends(environment.database, role)))),
      () => endAndAwait(environment.broker),
      () => endAndAwait(environment.postgres),
    ];
    for (const fault of faults) {
      await load.moves(50);
      await fault();
      await load.moves(50);
    }
    await fleet.untilReady();
    await load.stop();
    const ledger = await judge(fleet.where, load.journal.entries, { timeoutMs: REST_LIMIT_MS });
    expect(ledger.violations).toEqual([]);
    for (const { name, role, starts } of fleet.members()) {
      expect(starts(), `starts of the ${role}`).toBe(1);
      const printed = printedBy(name).slice(before.get(name));
      expect(readable(printed), `lines of the ${role}:\n${printed.join('\n')}`).toBeLessThanOrEqual(LINES_MAX);
    }
  });

  it('are over for every part that said that it failed', async () => {
    for (const { name, role } of fleet.members()) {
      const outages = () =>
        printedBy(name)
          .filter((line) => line.startsWith('{'))
          .map((line) => JSON.parse(line) as LogLine)
          .filter(({ outage }) => outage !== undefined);
      const balanced = () => {
        const [begun, over] = [
          outages().filter(({ attempts }) => attempts === undefined),
          outages().filter(({ attempts }) => attempts !== undefined),
        ];
        return begun.length > 0 && over.length === begun.length;
      };
      await eventually(balanced, { what: `every outage of the ${role} to be over` });
    }
  });
});
