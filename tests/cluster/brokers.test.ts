// Goal: with three brokers, whatever happens to one of them loses, doubles and misanswers nothing, and the service goes on by itself.
// Method: brokers are killed, paused and relieved of their leaderships under a mixed load; the oracle compares journal, log and
// PostgreSQL after each.

import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { coordinatorOf, moveLeaders, replicasOf } from '../support/cluster-state.ts';
import { type ClusterWorld, startClusterWorld } from './world.ts';

const CASE_LIMIT_MS = 120_000;
// Beyond the brokers' session (3 s) and the time-out of requests (10 s, shared/log/client.ts): everybody has gone elsewhere by then.
const PAUSE_MS = 12_000;
// What is usual is a third of it; a busy machine adds the rest.
const RECOVERY_LIMIT_MS = { killed: 20_000, moved: 5_000, paused: 30_000 };

let world: ClusterWorld;
beforeAll(async () => {
  world = await startClusterWorld();
}, CASE_LIMIT_MS);
afterAll(() => world?.stop());

const leaderOf = async (partition: number): Promise<number> =>
  (await replicasOf(world.cluster, world.fleet.where.ordersTopic))[partition]!.leader;

describe('with three brokers', { timeout: CASE_LIMIT_MS }, () => {
  it('one that dies is replaced by the others, as coordinator of the groups too, and catches up when it comes back', async () => {
    const stalls = await world.underLoad('the broker killed that coordinates the groups', async (load) => {
      const broker = world.broker(await coordinatorOf(world.cluster));
      await broker.kill();
      await load.moves(200);
      expect(await coordinatorOf(world.cluster)).not.toBe(broker.nodeId);
      await broker.start();
    });
    expect(stalls.acknowledgedMs).toBeLessThan(RECOVERY_LIMIT_MS.killed);
    expect(stalls.completedMs).toBeLessThan(RECOVERY_LIMIT_MS.killed);
  });

  it('leaders that are moved are followed', async () => {
    const stalls = await world.underLoad('leaders moved', () => moveLeaders(world.cluster, world.fleet.where.ordersTopic));
    expect(stalls.acknowledgedMs).toBeLessThan(RECOVERY_LIMIT_MS.moved);
  });

  it('one that wakes up after its session serves nothing stale and takes nothing that counts', async () => {
    const stalls = await world.underLoad('a broker paused and woken up', async () => {
      const broker = world.broker(await leaderOf(0));
      broker.pause();
      await delay(PAUSE_MS).finally(broker.resume);
      expect(await leaderOf(0)).not.toBe(broker.nodeId); // asked now: nobody gives a leadership back so soon
    });
    expect(stalls.acknowledgedMs).toBeLessThan(RECOVERY_LIMIT_MS.paused);
  });
});
