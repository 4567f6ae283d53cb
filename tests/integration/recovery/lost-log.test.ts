// Goal: where Kafka has lost everything, the last copy of the orders stays. Method: a service with completed orders, its topics deleted, roles
// and tools as an operator would run them; all rows of both schemas are compared, and what is kept is read.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { deleteTopics, keptNames, type Recovery, recordsIn, refusalOf, startRecovery } from './recovery.ts';

const ORDERS = 20;

let recovery: Recovery;
let records: number;
let before: unknown;
beforeAll(async () => {
  recovery = await startRecovery();
  await recovery.addStock('lamp', 100);
  await recovery.buy(ORDERS);
  expect((await recovery.cli('verify')).code).toBe(0);
  records = await recordsIn(recovery, recovery.orders);
  await recovery.stopRoles();
  before = await recovery.everything();
  await deleteTopics(recovery, [recovery.orders, recovery.products]);
});
afterAll(() => recovery?.stop());

const LOSS = () => `${ORDERS} orders and ${records} records are here and not in the log`;

it('makes the projector end with a sentence that drops nothing', async () => {
  const sentence = await refusalOf(recovery, 'projector'); // it makes the topics anew
  expect(sentence).toMatch(/belongs to another log.*docs\/recovery\.md#the-log-is-lost/);
  expect(sentence).not.toContain('rebuild');
});

it('is named with numbers and refused by rebuild, verify and archive drop, which change nothing', async () => {
  const refused = await recovery.cli('rebuild');
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toContain(LOSS());
  expect(refused.stderr).toContain('docs/recovery.md#the-log-is-lost');
  const verified = await recovery.cli('verify');
  expect(verified.code).toBe(1);
  expect(verified.stdout).toContain(LOSS());
  expect(verified.stdout).not.toContain('rebuilds both');
  const dropped = await recovery.cli('archive', 'drop', '--before', '2100-01-01', '--yes');
  expect(dropped).toMatchObject({ code: 1, stderr: expect.stringContaining('The archive may be the last copy') });
  expect(await recovery.everything()).toEqual(before);
});

it('is accepted only with what was there kept, and the service goes on', async () => {
  const { cli, service, readModel, ledger } = recovery;
  expect(await cli('rebuild', '--accept-loss')).toMatchObject({ code: 0, stdout: expect.stringContaining('is kept as') });
  const names = await keptNames(recovery);
  expect(names).toEqual([
    expect.stringMatching(new RegExp(`^${ledger.schema}_kept_\\d{4}_\\d\\d_\\d\\d_\\d{4}$`)),
    expect.stringMatching(new RegExp(`^${readModel.schema}_kept_\\d{4}_\\d\\d_\\d\\d_\\d{4}$`)),
  ]);
  const [keptLedger, keptReadModel] = names as [string, string];
  const count = async (table: string) => (await readModel.query<{ n: number }>(`SELECT count(*) AS n FROM ${table}`)).rows[0]!.n;
  expect(await count(`${keptReadModel}.orders`)).toBe(ORDERS);
  expect(await count(`${keptReadModel}.events`)).toBe(records);
  expect(await count(`${keptLedger}.products`)).toBe(1);
  expect(await count(`${keptLedger}.reservations`)).toBe(ORDERS / 2);
  expect((await cli('kept', 'list')).stdout).toContain(`${ORDERS} orders, ${records} archived records`);

  await recovery.startRoles();
  await recovery.addStock('lamp', 100);
  const [id] = await recovery.buy(2);
  expect(await service.completed(id!)).toMatchObject({ status: 'completed' });
  expect((await cli('verify')).code).toBe(0);
});

it('never takes away what is kept: not by a later rebuild, and by a person only when they say so twice', async () => {
  const { cli } = recovery;
  const names = await keptNames(recovery);
  expect((await cli('rebuild')).code).toBe(0);
  expect(await keptNames(recovery)).toEqual(names);
  const dry = await cli('kept', 'drop', names[1]!);
  expect(dry).toMatchObject({ code: 0, stdout: expect.stringContaining('Nothing was dropped: say --really.') });
  expect(await keptNames(recovery)).toEqual(names);
  expect((await cli('kept', 'drop', recovery.readModel.schema, '--really')).code).toBe(1);
  expect((await cli('kept', 'drop', names[1]!, '--really')).code).toBe(0);
  expect(await keptNames(recovery)).toEqual([names[0]]);
});
