// Goal: where records were deleted from the beginning of the log, the rows that remember them stay until a person accepts the loss; then the
// service goes on from where the log begins. Method: DeleteRecords, as a shortened retention does it.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { logEnd } from '../../../shared/log/topics/offsets.ts';
import { cutOff } from '../log/log-under-test.ts';
import { keptNames, moveStarts, type Recovery, startRecovery } from './recovery.ts';

let recovery: Recovery;
beforeAll(async () => {
  recovery = await startRecovery();
  await recovery.addStock('lamp', 100);
  await recovery.buy(20);
  await moveStarts(recovery);
  await recovery.stopRoles();
  const { client, orders } = recovery;
  const ends = [...(await logEnd(client, orders))];
  // All of one partition, a part of the others.
  for (const [partition, { high }] of ends) await cutOff(client, orders, partition, partition === 0 ? high : high - 7);
});
afterAll(() => recovery?.stop());

it('is a loss that is named and refused, and nothing changes', async () => {
  const all = await recovery.everything();
  const refused = await recovery.cli('rebuild');
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/^\d+ orders and \d+ records are here and not in the log: the topic \S+ has lost its beginning\./);
  expect(refused.stderr).toContain('docs/recovery.md#the-beginning-of-the-log-is-lost');
  expect((await recovery.cli('verify')).stdout).toContain('docs/recovery.md#the-beginning-of-the-log-is-lost');
  expect((await recovery.cli('archive', 'drop', '--before', '2100-01-01', '--yes')).code).toBe(1);
  expect(await recovery.everything()).toEqual(all);
});

it('is accepted with what was there kept, and then the service goes on from where the log begins', async () => {
  expect(await recovery.cli('rebuild', '--accept-loss')).toMatchObject({ code: 0 });
  const kept = await keptNames(recovery);
  expect(kept).toHaveLength(2);
  await recovery.startRoles('live');
  await recovery.addStock('lamp', 100).catch(() => undefined); // it is there, if its own topic kept it
  await recovery.buy(20);
  expect((await recovery.cli('verify')).code).toBe(0);
  expect((await recovery.cli('rebuild')).code).toBe(0); // nothing is here now that the log has not
  expect(await keptNames(recovery)).toEqual(kept);
  expect((await recovery.cli('verify')).code).toBe(0);
});

it('is a loss of unknown size where nothing remembers what was there', async () => {
  await recovery.stopRoles();
  const { readModel, ledger } = recovery;
  await readModel.query(`DROP SCHEMA ${readModel.schema}, ${ledger.schema} CASCADE`);
  const refused = await recovery.cli('rebuild');
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/What stood below offset \d+ is not here either\./) });
  expect(await recovery.cli('rebuild', '--accept-loss')).toMatchObject({ code: 0 });
  await recovery.startRoles('live');
  expect((await recovery.cli('verify')).code).toBe(0);
});
