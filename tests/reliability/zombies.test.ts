// Goal: a process that was taken for dead, wakes up and goes on where it was changes nothing. Method: two of each role under a mixed load;
// one of each is stopped with SIGSTOP in the middle of its work, for longer than its session lasts, until the other has taken its place;
// then SIGCONT. Its timers are due at once, before it can have heard of anything. The oracle compares journal, log and PostgreSQL.

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { processorGroup } from '../../processor/consumer-group.ts';
import { judge } from '../oracle/oracle.ts';
import { eventually } from '../support/eventually.ts';
import { type Fleet, type Member, startFleet } from '../support/fleet.ts';
import { untilGroupHas } from '../support/group-members.ts';
import { type Load, startLoad } from '../support/load.ts';

const IN_THE_MIDDLE = 5; // orders in processing
const REST_LIMIT_MS = 30_000;

let fleet: Fleet;
let load: Load;
beforeAll(async () => {
  fleet = await startFleet({ ...inject('stack'), count: { api: 2, processor: 2, projector: 2 }, env: { PROCESSING_TIME_MS: '1000' } });
  load = await startLoad(fleet, { seed: 3, perSecond: 60 });
});
afterAll(() => fleet.stop());

/** How many orders it has in processing. */
const processing = async ({ url }: Member): Promise<number> => {
  const series = /^orders_in_flight\{state="processing"\} (\d+)$/m;
  return Number(series.exec(await (await fetch(`${url}/metrics`)).text())?.[1] ?? 0);
};

describe('a processor, a projector and an api that sleep beyond their session and wake up', () => {
  let zombies: Member[];

  it('are replaced by the others', async () => {
    const { kafka, ordersTopic } = fleet.where;
    const groups = [processorGroup(ordersTopic), `${ordersTopic}.projector`];
    await Promise.all(groups.map((group) => untilGroupHas(kafka, group, 2)));
    await load.moves(120);
    zombies = (['processor', 'projector', 'api'] as const).map((role) => fleet.members(role)[0]!);
    await eventually(async () => (await processing(zombies[0]!)) >= IN_THE_MIDDLE, { what: 'a processor in the middle of its work' });
    for (const zombie of zombies) expect(zombie.signal('SIGSTOP')).toBe(true);
    await Promise.all(groups.map((group) => untilGroupHas(kafka, group, 1)));
    await load.moves(30);
    for (const zombie of zombies) zombie.signal('SIGCONT');
    await Promise.all(groups.map((group) => untilGroupHas(kafka, group, 2)));
    await load.moves(50);
  });

  it('have written nothing that counts', async () => {
    await load.stop();
    const ledger = await judge(fleet.where, load.journal.entries, { timeoutMs: REST_LIMIT_MS });
    expect(ledger.violations).toEqual([]);
    const [processor] = zombies;
    const fenced = processor!.output().split('LEDGER_FENCED').length - 1;
    const seen = `void facts: ${ledger.void}; fenced off by the ledger: ${fenced} times; ended: ${processor!.starts() - 1} times`;
    process.stdout.write(`zombies | ${seen}; accepted: ${ledger.accepted}\n`);
    expect(ledger.void + fenced, 'what the processor still tried after it woke up').toBeGreaterThan(0);
  });
});
