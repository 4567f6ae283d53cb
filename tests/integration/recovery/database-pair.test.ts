// Goal: the pair of databases that drills and campaigns fail over is one: what the standby had heard of is there afterwards, what came
// later is lost, and the promoted one has a standby again. Method: two failovers, with rows written before and after touch is lost.

import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type DatabasePair, openDatabasePair } from '../../../ops/drill/faults/database-pair.ts';
import { type TemporaryData, temporaryData } from '../../../ops/local-stack/temporary-data.ts';
import { openDatabase } from '../../../shared/postgres/database.ts';

let data: TemporaryData;
let pair: DatabasePair;
beforeAll(async () => {
  data = await temporaryData('pair');
  pair = await openDatabasePair(data.path, resolve(import.meta.dirname, '..', '..', '..'));
});
afterAll(async () => {
  await pair?.stop();
  await data?.remove();
});

const ask = async (statement: string): Promise<unknown[]> => {
  const database = openDatabase({ url: pair.url, schema: 'public', applicationName: 'tests', maxConnections: 1 });
  try {
    return (await database.query(statement)).rows;
  } finally {
    await database.end();
  }
};
const rows = async (): Promise<unknown[]> => (await ask('SELECT n FROM written ORDER BY n')).map((row) => (row as { n: number }).n);
const write = (n: number): Promise<unknown> => ask(`INSERT INTO written VALUES (${n})`);

it('loses what a standby has not heard of, and nothing else, at each failover', async () => {
  await ask('CREATE TABLE written (n int)');
  await write(1);
  for (const [heard, lost] of [
    [2, 3],
    [4, 5],
  ] as const) {
    await write(heard);
    await pair.untilInStep();
    await pair.loseTouch();
    await write(lost);
    const before = pair.primary().pid();
    await pair.failOver();
    expect(pair.primary().pid()).not.toBe(before);
    expect(await rows()).not.toContain(lost);
    expect(await rows()).toContain(heard);
  }
  expect(await rows()).toEqual([1, 2, 4]);
});
