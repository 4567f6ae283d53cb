// Goal: with three brokers, whatever happens to them loses, doubles and misanswers nothing, and the service goes on by itself.
// At once where enough of them are left to keep what is acknowledged, else as soon as they are back, and until then clients are told so in
// time. Method: brokers are killed, paused and relieved of their leaderships under a mixed load; the oracle compares journal, log and
// PostgreSQL after each.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { patience } from '../support/machine.ts';
import { coordinatorOf, demandInSync, moveLeaders, replicasOf } from '../support/stack/cluster-state.ts';
import { outage } from './outage.ts';
import { type ClusterWorld, MIN_IN_SYNC, startClusterWorld } from './world.ts';

const CASE_LIMIT_MS = patience(180_000);
// What is usual is a third of it; a busy machine adds the rest.
const RECOVERY_LIMIT_MS = { killed: patience(20_000), moved: patience(8_000), paused: patience(40_000) };

let world: ClusterWorld;
beforeAll(async () => {
  world = await startClusterWorld();
}, CASE_LIMIT_MS);
afterAll(() => world?.stop());

const leaders = async (): Promise<number[]> => (await replicasOf(world.cluster, world.fleet.where.ordersTopic)).map(({ leader }) => leader);

describe('with three brokers', { timeout: CASE_LIMIT_MS }, () => {
  it('one that wakes up after its session serves nothing stale and takes nothing that counts', async () => {
    const stalls = await world.underLoad('a broker paused and woken up', async (load) => {
      const broker = world.broker(1); // the first of KAFKA_BROKERS, with which new connections begin
      expect(await leaders()).toContain(broker.nodeId);
      broker.pause();
      try {
        await eventually(async () => !(await leaders()).includes(broker.nodeId), { what: 'other leaders' });
        await load.moves(100); // which it knows nothing of when it wakes up
      } finally {
        broker.resume();
      }
    });
    expect(stalls.acknowledgedMs).toBeLessThan(RECOVERY_LIMIT_MS.paused);
  });

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

  it('fewer replicas in sync than wanted: submissions are 503 in time, and go on when the broker is back', async () => {
    const { cluster, fleet } = world;
    await world.underLoad('fewer replicas in sync than wanted', async (load) => {
      // With two wanted the second broker that is missing would be a majority of the controllers too: that is the next test.
      await demandInSync(cluster, fleet.where.ordersTopic, 3);
      await outage(world, load, [world.broker(2)]);
      await demandInSync(cluster, fleet.where.ordersTopic, MIN_IN_SYNC);
    });
  });

  it('no majority of controllers: the same', async () => {
    await world.underLoad('no majority of controllers', (load) => outage(world, load, [world.broker(1), world.broker(3)]));
  });
});
