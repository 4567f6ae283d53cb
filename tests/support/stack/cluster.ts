// tests/support/stack/cluster.ts: three brokers and a database for one test file.
// In a temporary folder and on free ports. Brokers are killed and paused by the id of what was started here, and stay down until they are
// started again.

import { join, resolve } from 'node:path';
import { type Environment, provideDatabase } from '../../../ops/local-stack/dependencies.ts';
import { newClusterId, prepareBroker } from '../../../ops/local-stack/kafka/kafka-broker.ts';
import { provideKafkaJars } from '../../../ops/local-stack/kafka/kafka-jars.ts';
import { choosePorts, LOOPBACK } from '../../../ops/local-stack/ports.ts';
import { requireJava } from '../../../ops/local-stack/preflight.ts';
import { type KeptProcess, keepRunning } from '../../../ops/local-stack/processes/keep-running.ts';
import { stopInOrder } from '../../../ops/local-stack/processes/stop-in-order.ts';
import { startWatchdog } from '../../../ops/local-stack/processes/watchdog.ts';
import { temporaryData } from '../../../ops/local-stack/temporary-data.ts';
import { eventually } from '../eventually.ts';
import { signalKept } from './service/kept-process.ts';

export interface ClusterBroker {
  nodeId: number;
  port: number;
  /** SIGKILL; resolves when it is gone. It stays down until `start`. */
  kill: () => Promise<void>;
  /** Resolves when it serves again; its replicas may still be behind. */
  start: () => Promise<void>;
  /** SIGSTOP: its connections stay open and nothing answers. */
  pause: () => void;
  resume: () => void;
  isPaused: () => boolean;
}

export interface Cluster {
  /** Bootstrap list of all three. */
  kafka: string;
  database: string;
  brokers: readonly ClusterBroker[];
  stop: () => Promise<void>;
}

const CHECKOUT = resolve(import.meta.dirname, '..', '..', '..');
const NODE_IDS = [1, 2, 3];
// C1 alone compiles for seconds less while a broker starts, and is fast enough for the load of a test.
const JVM_FLAGS = ['-Xmx256m', '-XX:TieredStopAtLevel=1'];
const READY_LIMIT_MS = 120_000;
const ANY_PORT = { variable: 'none', port: 0 };

/** Resolves when the brokers and the database answer. */
export const startCluster = async (): Promise<Cluster> => {
  const { path: dataDir, remove } = await temporaryData('cluster');
  const watchdog = startWatchdog(dataDir);
  const kept: KeptProcess[] = [];
  const brokers: HeldBroker[] = [];
  const onChange = () => watchdog.guard(kept.flatMap(({ pid }) => pid() ?? []));
  const keep = (spec: KeptProcess['spec']): KeptProcess => {
    const process = keepRunning(spec, { onChange, onLine: () => {}, say: () => {} });
    kept.push(process);
    return process;
  };
  const stop = async (): Promise<void> => {
    for (const { release } of brokers) release();
    for (const process of kept) signalKept(process, 'SIGCONT'); // a stopped process does not hear SIGTERM
    await stopInOrder([kept]);
    await remove();
    watchdog.release();
  };
  try {
    const ports = await choosePorts(Array.from({ length: 7 }, () => ANY_PORT));
    const { PATH, HOME, TMPDIR, JAVA_HOME } = process.env;
    const env = { PATH, HOME, TMPDIR, JAVA_HOME };
    const environment: Environment = {
      checkout: CHECKOUT,
      dataDir,
      jarsDir: join(CHECKOUT, '.data', 'kafka'),
      lasting: false,
      // Processes of this machine: their ids are what is signalled.
      settings: { KAFKA_BROKERS: '', DATABASE_URL: '', BACKING_SERVICES: 'local' },
      ports: { broker: ports[0]!, controller: ports[3]!, postgres: ports[6]! },
      env,
      signal: new AbortController().signal,
      say: () => {},
    };
    const kafkaFolder = join(CHECKOUT, 'ops', 'kafka');
    const java = await requireJava(env);
    const jars = await provideKafkaJars({ ...environment, pom: join(kafkaFolder, 'pom.xml'), cacheDir: environment.jarsDir });
    const clusterId = newClusterId();
    const voters = NODE_IDS.map((nodeId, index) => `${nodeId}@${LOOPBACK}:${ports[3 + index]}`);
    const startBroker = async (nodeId: number, index: number): Promise<void> => {
      const spec = await prepareBroker({
        dir: join(dataDir, `kafka-${nodeId}`),
        java,
        jars,
        loggingConfig: join(kafkaFolder, 'log4j2.xml'),
        port: ports[index]!,
        controllerPort: ports[3 + index]!,
        env,
        signal: environment.signal,
        seat: { nodeId, clusterId, jvmFlags: JVM_FLAGS, settings: { ...REPLICATED, 'controller.quorum.voters': voters.join(',') } },
      });
      const broker = holdable(nodeId, spec, keep);
      brokers.push(broker);
      await broker.start();
    };
    const startDatabase = async (): Promise<string> => {
      const { address, process: spec } = await provideDatabase(environment);
      const postgres = keep(spec!);
      postgres.start();
      await postgres.untilReady({ limitMs: READY_LIMIT_MS, orEnds: true });
      return address;
    };
    const [database] = await Promise.all([startDatabase(), ...NODE_IDS.map(startBroker)]);
    const kafka = NODE_IDS.map((_, index) => `${LOOPBACK}:${ports[index]}`).join(',');
    return { kafka, database, brokers: brokers.sort((a, b) => a.nodeId - b.nodeId), stop };
  } catch (error) {
    await stop();
    throw error;
  }
};

/** As docs/operations.md has it: everything on three brokers, acknowledged by two. */
const REPLICATED = {
  'default.replication.factor': 3,
  'min.insync.replicas': 2,
  'offsets.topic.replication.factor': 3,
  'transaction.state.log.replication.factor': 3,
  'transaction.state.log.min.isr': 2,
  'share.coordinator.state.topic.replication.factor': 3,
  'share.coordinator.state.topic.min.isr': 2,
};

interface HeldBroker extends ClusterBroker {
  /** Lets a start that is held back go on, whoever wanted it. */
  release: () => void;
}

/** What is kept running is started again at once when it is killed: this holds the start back. */
const holdable = (nodeId: number, spec: KeptProcess['spec'], keep: (spec: KeptProcess['spec']) => KeptProcess): HeldBroker => {
  let gate = Promise.withResolvers<void>();
  gate.resolve();
  const kept = keep({ ...spec, beforeStart: () => gate.promise });
  let started = false;
  let paused = false;
  return {
    nodeId,
    port: spec.port!,
    isPaused: () => paused,
    release: () => gate.resolve(),
    kill: async () => {
      gate = Promise.withResolvers();
      const pid = kept.pid();
      kept.kill();
      await eventually(() => kept.pid() !== pid, { what: `${spec.name} to be gone` });
    },
    start: async () => {
      gate.resolve();
      if (!started) kept.start();
      started = true;
      await kept.untilReady({ limitMs: READY_LIMIT_MS, orEnds: false });
    },
    pause: () => {
      paused = signalKept(kept, 'SIGSTOP');
    },
    resume: () => {
      signalKept(kept, 'SIGCONT');
      paused = false;
    },
  };
};
