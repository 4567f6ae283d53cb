// Goal: a process that was taken for dead, wakes up and goes on where it was changes nothing. Method: two of each role under a mixed load;
// one of each is stopped with SIGSTOP in the middle of its work, for longer than its session lasts, until the other has taken its place;
// then SIGCONT. Its timers are due at once, before it can have heard of anything. The oracle compares journal, log and PostgreSQL.

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { processorGroup } from '../../../processor/consumer-group.ts';
import { foldOrders } from '../../oracle/fold.ts';
import { judge } from '../../oracle/oracle.ts';
import { readTopic } from '../../oracle/raw-log.ts';
import { eventually } from '../../support/eventually.ts';
import { untilGroupHas } from '../../support/faults/group-members.ts';
import { type Load, startLoad } from '../../support/faults/load.ts';
import { patience } from '../../support/machine.ts';
import { type Fleet, startFleet } from '../../support/stack/service/fleet.ts';
import type { Member } from '../../support/stack/service/member.ts';

const IN_THE_MIDDLE = 5; // orders in processing
const REST_LIMIT_MS = patience(30_000);
const SLEEP_LIMIT_MS = patience(60_000);
// What it hears first when it wakes up is chance: on a busy machine it may learn that it was replaced before its timers are due. It sleeps
// until it has tried something.
const SLEEPS_MAX = 10;

let fleet: Fleet;
let load: Load;
beforeAll(async () => {
  fleet = await startFleet({ ...inject('stack'), count: { api: 2, processor: 2, projector: 2 }, env: { PROCESSING_TIME_MS: '1000' } });
  load = await startLoad(fleet, { seed: 3, perSecond: 60 });
});
afterAll(() => fleet?.stop());

/** How many orders it has in processing. */
const processing = async ({ url }: Member): Promise<number> => {
  const series = /^orders_in_flight\{state="processing"\} (\d+)$/m;
  return Number(series.exec(await (await fetch(`${url}/metrics`)).text())?.[1] ?? 0);
};

/** What the processor tried after it woke up, all of it in vain: facts that the log passes over, and refusals by the ledger. */
const inVain = async (): Promise<{ void: number; fenced: number }> => {
  const { verdicts } = foldOrders(await readTopic(fleet.where.kafka, fleet.where.ordersTopic));
  const fenced = fleet.members('processor')[0]!.output().split('LEDGER_FENCED').length - 1;
  return { void: verdicts.filter(({ effect }) => effect === 'void').length, fenced };
};

/** The first of each role sleeps until the others have gone on with its work, and wakes up. */
const sleepAndWake = async (): Promise<void> => {
  const { kafka, ordersTopic } = fleet.where;
  const groups = [processorGroup(ordersTopic), `${ordersTopic}.projector`];
  const untilAllHave = (members: number) => Promise.all(groups.map((group) => untilGroupHas(kafka, group, members)));
  const zombies = (['processor', 'projector', 'api'] as const).map((role) => fleet.members(role)[0]!);
  await untilAllHave(2);
  await load.moves(120);
  await eventually(async () => (await processing(zombies[0]!)) >= IN_THE_MIDDLE, { what: 'a processor in the middle of its work' });
  for (const zombie of zombies) expect(zombie.signal('SIGSTOP')).toBe(true);
  await untilAllHave(1);
  await load.moves(30);
  for (const zombie of zombies) zombie.signal('SIGCONT');
  await untilAllHave(2);
  await load.moves(50);
};

describe('a processor, a projector and an api that sleep beyond their session and wake up', () => {
  it('have written nothing that counts', { timeout: SLEEPS_MAX * SLEEP_LIMIT_MS + REST_LIMIT_MS }, async () => {
    let tried = 0;
    for (let sleep = 0; sleep < SLEEPS_MAX && tried === 0; sleep += 1) {
      await sleepAndWake();
      const { void: facts, fenced } = await inVain();
      tried = facts + fenced;
      process.stdout.write(`zombies | void facts: ${facts}; fenced off by the ledger: ${fenced} times\n`);
    }
    await load.stop();
    const ledger = await judge(fleet.where, load.journal.entries, { timeoutMs: REST_LIMIT_MS });
    expect(ledger.violations).toEqual([]);
    expect(tried, 'what the processor still tried after it woke up').toBeGreaterThan(0);
  });
});
