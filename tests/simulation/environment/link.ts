// tests/simulation/environment/link.ts: connections of the real sender (shared/log/append/sender.ts) to the simulated brokers, as kafkajs gives
// them. Who leads what is as it was when it was asked; a connection may be refused, break, or stay silent while its request is done all the same.

import type { SendingClient, SendingCluster } from '../../../shared/log/append/sender.ts';
import type { Call, Connection } from '../../../shared/log/connect/kafkajs-internals.ts';
import type { ProduceAnswer } from '../../../shared/log/protocol/produce.ts';
import type { Process } from '../kernel/process.ts';
import type { Simulation } from '../kernel/simulation.ts';
import { createLead, type Lead } from './leader.ts';
import type { SimulatedLog } from './log.ts';
import { readProduceRequest, writeProduceAnswer } from './produce-requests.ts';

export interface SimulatedLinksOptions {
  sim: Simulation;
  log: SimulatedLog;
  process: Process;
  /** How likely a request meets a fault on its way or at its broker. */
  faults: number;
  /** Brokers refuse some batches as too large. */
  refusesLarge?: boolean | undefined;
}

const NOBODY = -1; // as Kafka names the leader of a partition that has none
const ANSWER_LOST_MS = [20, 700] as const;
// Until a broker that accepts connections and says nothing is given up (shared/log/connect/sockets.ts, link.ts).
const SILENT_MS = [200, 5_000] as const;
const REQUEST_TIMEOUT_MS = 10_000; // as in shared/log/connect/client.ts
const TIMEOUTS = 0.1; // of all answers that are lost: a round holds up everything behind it meanwhile
// Longer than anybody waits, and than the window in which a copy passes for a new order (R5).
const VERY_LATE_MS = 14_000;

/** A client whose links lead to the simulated brokers. */
export const createSimulatedClient = (options: SimulatedLinksOptions): SendingClient => {
  const { sim, log, faults, refusesLarge = false } = options;
  const lead = createLead({ sim, log, faults: faults / 2, refusesLarge });
  return { openLink: () => openSimulatedLink(options, lead) };
};

const openSimulatedLink = (options: SimulatedLinksOptions, lead: Lead): ReturnType<SendingClient['openLink']> => {
  const { sim, log, process, faults } = options;
  /** What ends with the link. */
  const underWay = new Set<(error: Error) => void>();
  const leaders = new Map<string, { partitionId: number; leader: number }[]>();

  /** Settles once, also when the link is destroyed. */
  const untilDestroyed = <T>(work: (resolve: (value: T) => void, reject: (error: Error) => void) => void): Promise<T> =>
    new Promise((resolve, reject) => {
      const end = (error: Error): void => {
        if (underWay.delete(end)) reject(error);
      };
      underWay.add(end);
      work((value) => underWay.delete(end) && resolve(value), end);
    });
  const step = (probability: number, what: string, done: () => void = () => {}): Promise<void> =>
    untilDestroyed((resolve, reject) => {
      const fails = sim.fault(probability);
      const settle = (): void => {
        if (fails) {
          reject(new Error(`simulated: ${what}`));
          return;
        }
        done();
        resolve();
      };
      const isSilent = fails && sim.chance(0.2);
      sim.after(isSilent ? sim.between(...SILENT_MS) : sim.between(0, 4), settle, process);
    });

  const connectionTo = (broker: number): Connection => ({
    send: async <T>(call: Call<T>): Promise<T> => {
      const { buffer } = await call.request.encode();
      const payload = await untilDestroyed<Buffer>((resolve, reject) => carry({ ...options, broker, lead }, buffer, { resolve, reject }));
      return call.response.parse(await call.response.decode(payload));
    },
  });
  const cluster: SendingCluster = {
    connect: () => step(faults / 2, 'no broker is there'),
    addMultipleTargetTopics: (topics) =>
      step(faults / 4, 'no broker says who leads', () => {
        for (const topic of topics) {
          const partitions = log.partitions(topic);
          leaders.set(
            topic,
            partitions.map((each) => ({ partitionId: each.partition, leader: log.leaderOf(each) ?? NOBODY })),
          );
        }
      }),
    findTopicPartitionMetadata: (topic) => leaders.get(topic) ?? [],
    findBroker: async ({ nodeId }) => {
      if (Number(nodeId) === NOBODY) throw new Error('simulated: there is no leader');
      return {
        connectionPool: {
          getConnection: async () => {
            if (sim.fault(faults / 4)) await step(1, 'the connection is refused');
            return connectionTo(Number(nodeId));
          },
        },
      };
    },
  };
  return {
    cluster,
    destroy: () => {
      for (const end of [...underWay]) end(new Error('simulated: closed by its owner'));
    },
  };
};

interface Way extends SimulatedLinksOptions {
  broker: number;
  lead: Lead;
}

interface Waiting {
  resolve: (payload: Buffer) => void;
  reject: (error: Error) => void;
}

/** One request on its way to its broker, and the answer on its way back. */
const carry = ({ sim, process, faults, broker, lead }: Way, request: Buffer, { resolve, reject }: Waiting): void => {
  const batches = readProduceRequest(request);
  const arrive = (delayMs: number, answered: (answers: ProduceAnswer[]) => void): void => {
    const answers: ProduceAnswer[] = [];
    const one = (answer: ProduceAnswer): void => {
      if (answers.push(answer) === batches.length) answered(answers);
    };
    const work = (): void => {
      for (const batch of batches) lead(broker, batch, one);
    };
    sim.after(delayMs, work, null);
  };
  const breakOff = (delayMs: number): void => void sim.after(delayMs, () => reject(new Error('simulated: no answer')), process);
  const travelMs = sim.between(1, 6);
  if (!sim.fault(faults / 2)) {
    arrive(travelMs, (answers) => void sim.after(sim.between(0, 6), () => resolve(writeProduceAnswer(answers)), process));
    return;
  }
  const [lostMin, lostMax] = ANSWER_LOST_MS;
  const silentMs = sim.chance(TIMEOUTS) ? REQUEST_TIMEOUT_MS : sim.between(lostMin, lostMax);
  const fate = sim.random();
  if (fate < 0.45) arrive(travelMs, () => {});
  else if (fate < 0.85) arrive(sim.between(lostMin, sim.chance(0.6) ? lostMax : VERY_LATE_MS), () => {});
  breakOff(silentMs);
};
