// tests/simulation/environment/leader.ts: what a broker does with the records of a produce request: appends what it leads, and answers with an
// offset or an error code, for each partition by itself. Of most codes nobody can tell from outside whether the record is in the log.

import type { ProduceAnswer } from '../../../shared/log/protocol/produce.ts';
import type { Simulation } from '../kernel/simulation.ts';
import type { SimulatedLog } from './log.ts';
import type { ProducedBatch } from './produce-requests.ts';

const NOT_LEADER = 6;
// UNKNOWN_TOPIC_OR_PARTITION, LEADER_NOT_AVAILABLE, NOT_LEADER, NOT_ENOUGH_REPLICAS, INVALID_TIMESTAMP.
const REFUSALS = [3, 5, NOT_LEADER, 19, 32] as const;
// MESSAGE_TOO_LARGE, RECORD_LIST_TOO_LARGE: of a batch, so that the same record may have been taken in another one.
const TOO_LARGE = [10, 18] as const;
// REQUEST_TIMED_OUT, NOT_ENOUGH_REPLICAS_AFTER_APPEND, and UNKNOWN_SERVER_ERROR for what brokers say besides.
const WRITTEN_NOT_REPLICATED = [7, 20, -1] as const;
// Brokers wait for their replicas for seconds. Here for less, so that more comes of it.
const BEHIND_MS = [20, 700] as const;

export interface LeadOptions {
  sim: Simulation;
  log: SimulatedLog;
  /** How likely a batch meets a fault. */
  faults: number;
  /** Some batches are refused as too large. */
  refusesLarge: boolean;
}

/** Calls `answer` once. */
export type Lead = (broker: number, batch: ProducedBatch, answer: (answer: ProduceAnswer) => void) => void;

export const createLead =
  ({ sim, log, faults, refusesLarge }: LeadOptions): Lead =>
  (broker, { topic, partition: number, records }, answer) => {
    const partition = log.partitions(topic)[number]!;
    const say = (errorCode: number, baseOffset = -1): void => answer({ topic, partition: number, errorCode, baseOffset });
    const isLeader = (): boolean => log.leaderOf(partition) === broker;
    // Who waits for the replicas of a leader that is one no more hears so, whether the next leader has the records or not.
    const write = (done: (base: number | null) => void = (base) => (base !== null && isLeader() ? say(0, base) : say(NOT_LEADER))): void =>
      log.write(topic, number, records, done);

    if (!isLeader()) return say(NOT_LEADER);
    if (!sim.fault(faults)) return write();
    const fate = sim.random();
    if (refusesLarge && fate < 0.1) return say(sim.pick(TOO_LARGE));
    if (fate < 0.35) return say(sim.pick(REFUSALS));
    if (fate < 0.6) {
      write();
      return log.moveLeader(partition);
    }
    const behindMs = sim.between(...BEHIND_MS);
    log.holdBack(partition, behindMs);
    write(() => {});
    sim.after(sim.between(1, behindMs), () => say(sim.pick(WRITTEN_NOT_REPLICATED)), null);
    // It goes before its replicas have it.
    if (sim.chance(0.4)) sim.after(sim.between(1, behindMs - 1), () => log.moveLeader(partition), null);
  };
