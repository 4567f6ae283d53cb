// Goal: where Kafka has lost the end of the log, the rows made from it stay, and after the repair every new order is completed: no owner
// starts beyond the end. Method: a broker of its own is killed and its segments are cut, below where the processors start.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { createReader } from '../../../shared/log/read/reader.ts';
import { logEnd } from '../../../shared/log/topics/offsets.ts';
import { readNextOffsets } from '../../../shared/postgres/tables/checkpoints.ts';
import { eventually } from '../../support/eventually.ts';
import { loseEnd } from '../../support/faults/cut-log.ts';
import { type OwnEnvironment, startOwnEnvironment } from '../../support/stack/own-environment.ts';
import { keptNames, moveStarts, type Recovery, refusalOf, startRecovery, startsOf } from './recovery.ts';

const BELOW_START = 3; // where the log ends then, in each partition, at most

let environment: OwnEnvironment;
let recovery: Recovery;
let before: ReadonlyMap<number, number>;
beforeAll(async () => {
  environment = await startOwnEnvironment();
  recovery = await startRecovery(environment);
  await recovery.addStock('lamp', 100);
  await recovery.buy(30);
  await moveStarts(recovery);
  await recovery.buy(12);
  expect((await recovery.cli('verify')).code).toBe(0);
  await recovery.stopRoles();
  before = await readNextOffsets(recovery.readModel, recovery.orders);
  await loseEnds();
});
afterAll(async () => {
  await recovery?.stop();
  await environment?.stop();
});

const ends = async (): Promise<Map<number, number>> =>
  new Map(Array.from(await logEnd(recovery.client, recovery.orders), ([partition, { high }]) => [partition, high]));

/** The broker is killed, loses the end of every partition, and comes back. */
const loseEnds = async (): Promise<void> => {
  const cuts = new Map(Array.from(await starts(), ([partition, start]) => [partition, start - BELOW_START]));
  await loseEnd(environment, recovery.orders, cuts);
  await eventually(async () => [...(await ends())].every(([partition, end]) => end <= cuts.get(partition)!), {
    what: 'the broker to have lost the end of the log',
    timeoutMs: 60_000,
  });
};

const starts = () => startsOf(recovery.ledger, recovery.orders);
const copies = () =>
  recovery.client.withAdmin(async (admin) => {
    const [found] = await admin.fetchOffsets({ groupId: `${recovery.orders}.processor`, topics: [recovery.orders] });
    return new Map(found!.partitions.map(({ partition, offset }) => [partition, Number(offset)]));
  });

it('is a loss that is named and refused, and nothing changes', async () => {
  const all = await recovery.everything();
  expect(await refusalOf(recovery, 'projector')).toMatch(/lies beyond the end of the log.*docs\/recovery\.md#the-end-of-the-log-is-lost/);
  const refused = await recovery.cli('rebuild');
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/^\d+ orders and \d+ records are here and not in the log: the topic \S+ has lost its end\./);
  expect(refused.stderr).toContain('docs/recovery.md#the-end-of-the-log-is-lost');
  const verified = await recovery.cli('verify');
  expect(verified).toMatchObject({ code: 1, stdout: expect.stringContaining('docs/recovery.md#the-end-of-the-log-is-lost') });
  expect(await recovery.everything()).toEqual(all);
});

it('is refused too when the read model was dropped before, because the ledger has read further', async () => {
  const [highest, starting] = [await ends(), await starts()];
  expect([...highest].every(([partition, end]) => starting.get(partition)! > end)).toBe(true); // else this shows nothing
  const all = await recovery.everything();
  const { readModel } = recovery;
  await readModel.query(`ALTER SCHEMA ${readModel.schema} RENAME TO ${readModel.schema}_aside`);
  const refused = await recovery.cli('rebuild');
  await readModel.query(`ALTER SCHEMA ${readModel.schema}_aside RENAME TO ${readModel.schema}`);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/Processors have read at least \d+ records? beyond where the log ends now/);
  expect(await recovery.everything()).toEqual(all); // the mark of completeness, too
});

/** A member of the processors' group, as a processor that runs. */
const joinProcessors = async (): Promise<() => Promise<void>> => {
  const joined = Promise.withResolvers<void>();
  const reader = createReader({
    client: recovery.client,
    groupId: `${recovery.orders}.processor`,
    topic: recovery.orders,
    minFetchGapMs: 0,
    handlers: {
      startOffsets: async (partitions) => new Map(partitions.map((partition) => [partition, 0])),
      onAssigned: () => joined.resolve(),
      onRevoked: () => {},
      onRecords: () => {},
      onFatal: joined.reject,
    },
  });
  await reader.start();
  await joined.promise;
  return () => reader.stop();
};

it('is not repaired while processors run, whose copies in Kafka have to be set back: nothing changes', async () => {
  const all = await recovery.everything();
  const leave = await joinProcessors();
  const refused = await recovery.cli('rebuild', '--accept-loss');
  await leave();
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('stop all processors') });
  expect(await recovery.everything()).toEqual(all);
  expect(await keptNames(recovery)).toEqual([]);
});

it('is repaired so that no owner starts beyond the end, and every new order is completed', async () => {
  const leave = await joinProcessors();
  const rebuilding = recovery.cli('rebuild', '--accept-loss');
  const waits = "SELECT FROM pg_stat_activity WHERE application_name = 'rebuild-ledger' AND state = 'idle in transaction'";
  await eventually(async () => (await recovery.ledger.query(waits)).rowCount! > 0, { what: 'the rebuild to wait for the processors' });
  await leave();
  expect(await rebuilding).toMatchObject({ code: 0 });
  const end = await ends();
  for (const [partition, start] of await starts()) {
    expect(start).toBeLessThanOrEqual(end.get(partition)!);
    expect((await copies()).get(partition)).toBeLessThanOrEqual(start);
  }
  expect(await keptNames(recovery)).toHaveLength(2);
  await recovery.startRoles();
  await recovery.buy(40); // past where the log ended before
  expect([...(await ends())].some(([partition, high]) => high > before.get(partition)!)).toBe(true);
  const pending = await recovery.readModel.query("SELECT order_id FROM orders WHERE status <> 'completed'");
  expect(pending.rows).toEqual([]);
  expect((await recovery.cli('verify')).code).toBe(0);
});
