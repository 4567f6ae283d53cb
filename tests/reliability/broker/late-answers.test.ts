// Goal: an append whose caller has given up, and a connection whose other end is gone without a word, leave nothing lost, doubled or stuck.
// Method: proxies hold back the broker's answer to an append for longer than the request's time-out, for the api and the processor; then
// all connections to the broker fall silent at once, for every role, and only new ones work. The oracle compares the records.

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { judge } from '../../oracle/oracle.ts';
import { eventually } from '../../support/eventually.ts';
import { type Load, startLoad } from '../../support/faults/load.ts';
import { PRODUCE } from '../../support/faults/network/kafka-frames.ts';
import { type ProxiedFleet, ROLES, startProxiedFleet } from '../../support/faults/network/proxied-fleet.ts';
import { patience } from '../../support/machine.ts';

const LATER_THAN_THE_TIMEOUT_MS = 12_000; // of a request: 10 s (shared/log/connect/client.ts)
const DOUBT_LIMIT_MS = patience(90_000);
const REST_LIMIT_MS = patience(30_000);

let world: ProxiedFleet;
let load: Load;
beforeAll(async () => {
  world = await startProxiedFleet({ ...inject('stack'), env: { PROCESSING_TIME_MS: '200' } });
  load = await startLoad(world.fleet, { seed: 9, perSecond: 50 });
});
afterAll(() => world?.stop());

const holdBackOneAnswerOfEach = async (): Promise<void> => {
  const heldBack = (['api', 'processor'] as const).map((role) => {
    const late = { answers: 0 };
    world.kafka[role].onResponse((_, { apiKey }) => {
      if (apiKey !== PRODUCE || late.answers > 0) return 'pass';
      late.answers += 1;
      return { delayMs: LATER_THAN_THE_TIMEOUT_MS };
    });
    return late;
  });
  await eventually(() => heldBack.every(({ answers }) => answers === 1), { what: 'an append of each whose answer is held back' });
};
const inDoubt = (): boolean =>
  load.journal.entries.some((entry) => entry.kind === 'submission' && entry.code === 'LOG_UNAVAILABLE' && entry.key === null);

describe('answers that come too late, or never', () => {
  it('to appends of the api and the processor, which give up, connect again and go on', async () => {
    await load.moves(50);
    // Which orders are in an append is chance: until one of them was submitted without a key, and its client was told "unknown".
    for (const deadline = performance.now() + DOUBT_LIMIT_MS; !inDoubt() && performance.now() < deadline; ) {
      await holdBackOneAnswerOfEach();
      await load.moves(100);
      world.heal();
    }
    expect(inDoubt(), 'a submission without a key that was told "unknown"').toBe(true);
  });

  it('on any connection to the broker that there is: it is half-open', async () => {
    await eventually(() => ROLES.every((role) => world.kafka[role].connections() > 1), { what: 'connections of every role' });
    const silenced = ROLES.map((role) => world.kafka[role].vanish());
    world.heal();
    for (const [index, count] of silenced.entries()) expect(count, `connections of the ${ROLES[index]}`).toBeGreaterThan(1);
    await load.moves(100);
  });

  it('lose, double and misanswer nothing', async () => {
    await load.stop();
    const ledger = await judge(world.fleet.where, load.journal.entries, { timeoutMs: REST_LIMIT_MS });
    process.stdout.write(
      `late answers | unknown: ${ledger.unknownLanded} in the log, ${ledger.unknownAbsent} not; void facts: ${ledger.void}\n`,
    );
    expect(ledger.violations).toEqual([]);
    expect(ledger.unknownLanded, 'orders whose submission was told "unknown"').toBeGreaterThan(0);
    for (const member of world.fleet.members()) expect(member.starts(), member.name).toBe(1);
  });
});
