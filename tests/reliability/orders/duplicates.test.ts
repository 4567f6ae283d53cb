// Goal: a record that is delivered again, at once or much later, changes nothing. Method: under a mixed load, every batch of the topic so
// far is appended again as bytes, over a connection that knows no client library, and the latest of those once more. The oracle compares
// journal, log and PostgreSQL; it counts a fact that took effect twice as doubled.

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { judge } from '../../oracle/oracle.ts';
import { eventually } from '../../support/eventually.ts';
import { type Load, startLoad } from '../../support/faults/load.ts';
import { recordsIn, resendable } from '../../support/faults/network/raw-batches.ts';
import { connectRaw, type RawBroker } from '../../support/faults/network/raw-broker.ts';
import { patience } from '../../support/machine.ts';
import { type Fleet, startFleet } from '../../support/stack/service/fleet.ts';

const PARTITIONS = 12;
const REST_LIMIT_MS = patience(30_000);

const AGAIN_MAX = 25; // batches of each partition in the second round, copies among them

let fleet: Fleet;
let load: Load;
let raw: RawBroker;
beforeAll(async () => {
  raw = await connectRaw(inject('stack').kafka);
  fleet = await startFleet({ ...inject('stack'), env: { PROCESSING_TIME_MS: '200' } });
  load = await startLoad(fleet, { seed: 5, perSecond: 100 });
});
afterAll(async () => {
  raw?.close();
  await fleet?.stop();
});

const recorded = async (): Promise<number> => {
  let records = 0;
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for (const batch of await raw.batches(fleet.where.ordersTopic, partition)) records += recordsIn(batch);
  }
  return records;
};

/** Repeats the last batches of every partition, and says how many records there were in them. */
const repeat = async (batchesMax: number): Promise<number> => {
  const { ordersTopic } = fleet.where;
  let records = 0;
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for (const batch of (await raw.batches(ordersTopic, partition)).slice(-batchesMax)) {
      await raw.append(ordersTopic, partition, resendable(batch));
      records += recordsIn(batch);
    }
  }
  return records;
};

describe('records that come again', () => {
  it('change nothing, and are counted as void', async () => {
    await load.moves(150);
    await eventually(async () => (await recorded()) > 300, { what: 'more than 300 records, events of the processor among them' });
    const first = await repeat(Number.POSITIVE_INFINITY);
    await load.moves(50);
    const second = await repeat(AGAIN_MAX);
    await load.moves(50);
    await load.stop();
    const ledger = await judge(fleet.where, load.journal.entries, { timeoutMs: REST_LIMIT_MS });
    process.stdout.write(`duplicates | repeated ${first} and ${second} of ${ledger.records} records; void facts: ${ledger.void}\n`);
    expect(first, 'repeated at first').toBeGreaterThan(300);
    expect(second, 'repeated then, copies among them').toBeGreaterThan(100);
    expect(ledger.violations).toEqual([]);
    expect(ledger.void).toBeGreaterThan(first);
  });
});
