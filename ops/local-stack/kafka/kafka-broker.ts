// ops/local-stack/kafka/kafka-broker.ts: a Kafka broker (KRaft, controller too) on loopback, from the published jars: alone, or with a seat in
// a cluster. Its log is the only truth of the service: nothing here ever deletes it.

import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { AppError } from '../../../shared/runtime/app-error.ts';
import { LOOPBACK } from '../ports.ts';
import { privateFolder } from '../private-folder.ts';
import type { ProcessSpec } from '../processes/keep-running.ts';
import { runTool } from '../processes/run-tool.ts';
import { BROKER_HEAP_FLAGS, BROKER_SETTINGS } from './kafka-settings.ts';
import { kafkaAnswers } from './probe-kafka.ts';

export interface BrokerOptions {
  /** Holds the log (`data/`), the generated server.properties and broker.log; private to the user. */
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
  /** Absent: it is alone, and makes its cluster's id itself. */
  seat?: ClusterSeat;
}

export interface ClusterSeat {
  nodeId: number;
  /** The same for all seats, as `newClusterId` makes it. */
  clusterId: string;
  /** In place of those for the heap of a broker that is alone. */
  jvmFlags: readonly string[];
  /** What differs from a broker that is alone: voters and replication at least. */
  settings: Readonly<Record<string, string | number | boolean>>;
}

// The serial collector has no threads of its own that wake up while the broker is idle, and collects a heap of this size in a few
// milliseconds.
const JVM_FLAGS = ['-XX:+UseSerialGC', '-XX:+ExitOnOutOfMemoryError', '-XX:-UsePerfData', '-Djava.awt.headless=true'];

/** Writes the configuration, formats the storage on the first start, and says how the broker is run. */
export const prepareBroker = async (options: BrokerOptions): Promise<ProcessSpec> => {
  const { dir, port, seat } = options;
  await privateFolder(dir);
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
    name: seat === undefined ? 'broker' : `broker-${seat.nodeId}`,
    port,
    command: options.java,
    args: [...(seat?.jvmFlags ?? BROKER_HEAP_FLAGS), ...JVM_FLAGS, ...logging, ...classPath(options), 'kafka.Kafka', properties],
    env: options.env,
    cwd: dir,
    outputFile: join(dir, 'broker.out'), // what the JVM itself says: a wrong flag, a crash
    logFile,
    stopSignal: 'SIGTERM',
    marker: properties,
    isReady: () => kafkaAnswers(LOOPBACK, port),
  };
};

/** Formats beside `data` and renames, so that a storage is either complete or absent. Who is alone gets a cluster id here, once. */
const format = async (options: BrokerOptions, data: string): Promise<void> => {
  const fresh = `${data}.new`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  const properties = join(options.dir, 'format.properties');
  await writeFile(properties, serverProperties({ ...options, data: fresh }));
  const tool = ['-Xmx128m', '-XX:TieredStopAtLevel=1', ...classPath(options), 'kafka.tools.StorageTool'];
  const { code, output } = await runTool(
    options.java,
    [...tool, 'format', '-t', options.seat?.clusterId ?? newClusterId(), '-c', properties],
    options,
  );
  await rm(properties, { force: true });
  if (code !== 0) throw new AppError('LOCAL_STACK', `Kafka's storage in ${data} could not be formatted: ${output.trim().slice(-500)}`);
  await rename(fresh, data);
};

const classPath = ({ jars }: BrokerOptions): string[] => ['-cp', join(jars, '*')];

/** 16 random bytes as Kafka writes ids. A leading dash would be read as an option on the command line. */
export const newClusterId = (): string => {
  const id = randomBytes(16).toString('base64url');
  return id.startsWith('-') ? newClusterId() : id;
};

type Layout = Pick<BrokerOptions, 'port' | 'controllerPort' | 'seat'> & { data: string };

const serverProperties = ({ data, port, controllerPort, seat }: Layout): string => {
  const lines: Record<string, string | number | boolean> = {
    ...BROKER_SETTINGS,
    'controller.quorum.voters': `1@${LOOPBACK}:${controllerPort}`,
    listeners: `BROKER://${LOOPBACK}:${port},CONTROLLER://${LOOPBACK}:${controllerPort}`,
    'advertised.listeners': `BROKER://${LOOPBACK}:${port}`,
    'log.dirs': escapeValue(data),
    ...(seat && { 'node.id': seat.nodeId, ...seat.settings }),
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
