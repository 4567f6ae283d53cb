// ops/stack/kafka-broker.ts: a single Kafka broker (KRaft, its own controller) on loopback, from the published jars. Its log
// is the only truth of the service: nothing here ever deletes it.

import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { AppError } from '../../shared/runtime/app-error.ts';
import { kafkaAnswers } from './kafka-answers.ts';
import type { ProcessSpec } from './keep-running.ts';
import { LOOPBACK } from './ports.ts';
import { runTool } from './run-tool.ts';

export interface BrokerOptions {
  /** Holds the log (`data/`), the generated server.properties and broker.log. */
  dir: string;
  java: string;
  /** The folder of jars (kafka-jars.ts). */
  jars: string;
  /** ops/kafka/log4j2.xml. */
  loggingConfig: string;
  port: number;
  controllerPort: number;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
}

// A heap of 256 MB carries 45,000 records/s; what counts beside it is the page cache. The serial collector has no threads of
// its own that wake up while the broker is idle, and collects a heap of this size in a few milliseconds.
const JVM_FLAGS = [
  '-Xms256m',
  '-Xmx512m',
  '-XX:+UseSerialGC',
  '-XX:+ExitOnOutOfMemoryError',
  '-XX:-UsePerfData',
  '-Djava.awt.headless=true',
];

/** Writes the configuration, formats the storage on the first start, and says how the broker is run. */
export const prepareBroker = async (options: BrokerOptions): Promise<ProcessSpec> => {
  const { dir, port } = options;
  await mkdir(dir, { recursive: true });
  const data = join(dir, 'data');
  if (!existsSync(data)) await format(options, data);
  const properties = join(dir, 'server.properties');
  await writeFile(properties, serverProperties({ ...options, data }));

  const logFile = join(dir, 'broker.log');
  const logging = [
    `-Dbroker.log=${logFile}`,
    `-Dlog4j2.configurationFile=${pathToFileURL(options.loggingConfig).href}`,
    '-Dlog4j2.disableJmx=true',
  ];
  return {
    name: 'broker',
    port,
    command: options.java,
    args: [...JVM_FLAGS, ...logging, ...classPath(options), 'kafka.Kafka', properties],
    env: options.env,
    cwd: dir,
    outputFile: join(dir, 'broker.out'), // what the JVM itself says: a wrong flag, a crash
    logFile,
    stopSignal: 'SIGTERM',
    marker: properties,
    isReady: () => kafkaAnswers(LOOPBACK, port),
  };
};

/** Formats beside `data` and renames, so that a storage is either complete or absent. The cluster id is made here, once. */
const format = async (options: BrokerOptions, data: string): Promise<void> => {
  const fresh = `${data}.new`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  const properties = join(options.dir, 'format.properties');
  await writeFile(properties, serverProperties({ ...options, data: fresh }));
  const tool = ['-Xmx128m', '-XX:TieredStopAtLevel=1', ...classPath(options), 'kafka.tools.StorageTool'];
  const { code, output } = await runTool(options.java, [...tool, 'format', '-t', clusterId(), '-c', properties], options);
  await rm(properties, { force: true });
  if (code !== 0) throw new AppError('LOCAL_STACK', `Kafka's storage in ${data} could not be formatted: ${output.trim().slice(-500)}`);
  await rename(fresh, data);
};

const classPath = ({ jars }: BrokerOptions): string[] => ['-cp', join(jars, '*')];

/** 16 random bytes as Kafka writes ids. A leading dash would be read as an option on the command line. */
const clusterId = (): string => {
  const id = randomBytes(16).toString('base64url');
  return id.startsWith('-') ? clusterId() : id;
};

interface Layout {
  data: string;
  port: number;
  controllerPort: number;
}

const serverProperties = ({ data, port, controllerPort }: Layout): string => {
  const lines: Record<string, string | number | boolean> = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@${LOOPBACK}:${controllerPort}`,
    listeners: `BROKER://${LOOPBACK}:${port},CONTROLLER://${LOOPBACK}:${controllerPort}`,
    'advertised.listeners': `BROKER://${LOOPBACK}:${port}`,
    'listener.security.protocol.map': 'BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'BROKER',
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': escapeValue(data),
    // Topics are made by us with the settings that we mean; a typing error must not make one.
    'auto.create.topics.enable': false,
    // There is one broker: one replica of everything, and one partition each of what Kafka keeps for itself, which is opened,
    // flushed and recovered at every start (50 each otherwise).
    'default.replication.factor': 1,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'share.coordinator.state.topic.num.partitions': 1,
    // A group starts with its first member at once; the default waits 3 s for others at every first join.
    'group.initial.rebalance.delay.ms': 0,
    // Committed offsets of a group without members expire after a week by default: a stack that was stopped for a holiday
    // would begin at offset 0. The longest that the setting can hold, 4,000 years.
    'offsets.retention.minutes': 2_147_483_647,
    // Two cores are shared with everything else; each of these threads also wakes up while the broker is idle.
    'num.network.threads': 2,
    'num.io.threads': 4,
    'background.threads': 2,
    'num.recovery.threads.per.data.dir': 2,
    // Only Kafka's own offsets topic is compacted; the default reserves a quarter of this heap for it.
    'log.cleaner.dedupe.buffer.size': 8_388_608,
    // After a SIGKILL the restarted broker cannot register again before the session of the killed one has ended, 9 s by
    // default. Both halves live in one process, so a pause long enough to end a session by mistake stops the controller too.
    'broker.session.timeout.ms': 3_000,
    'broker.heartbeat.interval.ms': 1_000,
    // The controller writes a no-op record twice a second by default; its followers would need that, and it has none.
    'metadata.max.idle.interval.ms': 5_000,
  };
  return `${Object.entries(lines)
    .map(([key, value]) => `${key}=${value}`)
    .join('\n')}\n`;
};

/** Properties files are Latin-1 with backslash escapes; a comma would separate two folders. */
const escapeValue = (path: string): string => {
  if (path.includes(',')) throw new AppError('LOCAL_STACK', `Kafka takes the comma in ${path} for a separator: use a folder without.`);
  return path.replaceAll('\\', '\\\\').replaceAll(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
};
