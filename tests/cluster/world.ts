// tests/cluster/world.ts: three brokers, several instances of each role on them, and faults under load.
// Each fault is followed by the oracle's judgement of everything since the beginning.

import { expect } from 'vitest';
import type { JournalEntry } from '../oracle/journal.ts';
import { judge } from '../oracle/oracle.ts';
import { describeStalls, type Stalls, watchGoodput } from '../support/faults/goodput.ts';
import { type Load, startLoad } from '../support/faults/load.ts';
import { patience } from '../support/machine.ts';
import { type Cluster, type ClusterBroker, startCluster } from '../support/stack/cluster.ts';
import { untilInSync } from '../support/stack/cluster-state.ts';
import { type Fleet, startFleet } from '../support/stack/service/fleet.ts';

export interface ClusterWorld {
  cluster: Cluster;
  fleet: Fleet;
  broker: (nodeId: number) => ClusterBroker;
  /**
   * Runs the fault under a load of its own, which goes on until all replicas are in sync, every role is ready and orders flow again.
   * Then nothing may be lost, doubled or misanswered, and no role may have been started again.
   */
  underLoad: (name: string, fault: (load: Load) => Promise<void>) => Promise<Stalls>;
  stop: () => Promise<void>;
}

const INSTANCES = { api: 2, processor: 2, projector: 2 };
/** As docs/operations.md has it. */
export const MIN_IN_SYNC = 2;
const ENVIRONMENT = { PROCESSING_TIME_MS: '100', KAFKA_REPLICATION_FACTOR: '3', KAFKA_MIN_INSYNC_REPLICAS: String(MIN_IN_SYNC) };
const PER_SECOND = 60;
const BEFORE = 60; // orders acknowledged before the fault, and again after it
const REST_LIMIT_MS = patience(60_000);
const GROUP_TOPICS = ['__consumer_offsets'];

export const startClusterWorld = async (): Promise<ClusterWorld> => {
  const cluster = await startCluster();
  const fleet = await startFleet({ ...cluster, count: INSTANCES, env: ENVIRONMENT }).catch(async (error) => {
    await cluster.stop();
    throw error;
  });
  const journal: JournalEntry[] = [];
  let loads = 0;

  const underLoad: ClusterWorld['underLoad'] = async (name, fault) => {
    const load = await startLoad(fleet, { seed: ++loads, perSecond: PER_SECOND });
    const goodput = watchGoodput(load, fleet.urls()[0]!);
    let stalls: Stalls;
    try {
      await load.moves(BEFORE);
      await fault(load);
      await load.moves(BEFORE);
      await fleet.untilReady();
      for (const topic of [fleet.where.ordersTopic, ...GROUP_TOPICS]) await untilInSync(cluster, topic);
    } finally {
      stalls = goodput.stop();
      await load.stop();
      journal.push(...load.journal.entries);
    }
    const ledger = await judge(fleet.where, journal, { timeoutMs: REST_LIMIT_MS });
    process.stdout.write(
      `${name}: ${describeStalls(stalls)}; ${ledger.accepted} accepted, lost ${ledger.lost}, doubled ${ledger.doubled}\n`,
    );
    expect(ledger.violations).toEqual([]);
    expect(ledger.accepted).toBe(ledger.completed + ledger.cancelled + ledger.rejected);
    for (const member of fleet.members()) expect(member.starts(), `${member.name} ended, having said\n${member.output()}`).toBe(1);
    return stalls;
  };
  return {
    cluster,
    fleet,
    broker: (nodeId) => cluster.brokers.find((broker) => broker.nodeId === nodeId)!,
    underLoad,
    stop: async () => {
      await fleet.stop();
      await cluster.stop();
    },
  };
};
