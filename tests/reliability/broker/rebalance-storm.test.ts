// Goal: partitions that change hands all the time delay orders and nothing else. Method: under a mixed load, members join the groups
// of the processors and projectors and leave them again, one after the other without a pause, and a processor and a projector that work come
// and go in between. The oracle compares journal, log and PostgreSQL.

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { processorGroup } from '../../../processor/consumer-group.ts';
import { judge } from '../../oracle/oracle.ts';
import { joinAndLeave } from '../../support/faults/group-members.ts';
import { type Load, startLoad } from '../../support/faults/load.ts';
import { patience } from '../../support/machine.ts';
import { type Fleet, startFleet } from '../../support/stack/service/fleet.ts';

const STORM_MS = Number(process.env.STORM_SECONDS ?? 6) * 1_000;
const REST_LIMIT_MS = patience(30_000);

let fleet: Fleet;
let load: Load;
beforeAll(async () => {
  fleet = await startFleet({ ...inject('stack'), env: { PROCESSING_TIME_MS: '200' } });
  load = await startLoad(fleet, { seed: 4, perSecond: 60 });
});
afterAll(() => fleet?.stop());

describe('a storm of rebalances', () => {
  it('lets orders be accepted and completed', async () => {
    const { kafka, ordersTopic } = fleet.where;
    await load.moves(50);
    const until = performance.now() + STORM_MS;
    const passers = [processorGroup(ordersTopic), `${ordersTopic}.projector`].map(async (group) => {
      let count = 0;
      for (; performance.now() < until || count < 2; count += 1) await joinAndLeave(kafka, group, ordersTopic);
      return count;
    });
    const workers = (['processor', 'projector'] as const).map(async (role) => {
      const worker = await fleet.add(role);
      await load.moves(50);
      await fleet.remove(worker);
    });
    const counts = await Promise.all(passers);
    await Promise.all(workers);
    process.stdout.write(`rebalance storm | members that came and went, processors and projectors: ${counts.join(', ')}\n`);
    await load.moves(50);
  });

  it('loses, doubles and misanswers nothing', async () => {
    await load.stop();
    const ledger = await judge(fleet.where, load.journal.entries, { timeoutMs: REST_LIMIT_MS });
    expect(ledger.violations).toEqual([]);
    expect(ledger.accepted).toBe(ledger.completed + ledger.cancelled + ledger.rejected);
  });
});
