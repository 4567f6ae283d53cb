// ops/local-stack/containers/supervised-containers.ts: the two containers as processes to keep running: which image, which data, how it is known that they
// are ready. Everything here is said to a container supervisor (main.ts), which does it.

import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { kafkaAnswers } from '../kafka/probe-kafka.ts';
import { LOOPBACK } from '../ports.ts';
import { databaseAnswers } from '../postgres/postgres-server.ts';
import type { ProcessSpec } from '../processes/keep-running.ts';
import { remembered } from './container-volumes.ts';
import type { KafkaContainerOptions } from './kafka-container.ts';
import { containerName } from './orphaned-containers.ts';
import type { PostgresContainerOptions } from './postgres-container.ts';

// Those of docker-compose.yml, which a test holds to it.
export const KAFKA_IMAGE = 'apache/kafka:4.3.0';
export const POSTGRES_IMAGE = 'postgres:18';

export interface ContainerOptions {
  /** orphaned-containers.ts has the name. */
  dir: string;
  port: number;
  /** False: what the container holds goes with it. */
  lasting: boolean;
  env: NodeJS.ProcessEnv;
}

/** What a container supervisor is told. */
export type Supervised = { name: string; dir: string } & (
  | { kind: 'broker'; container: KafkaContainerOptions }
  | { kind: 'postgres'; container: PostgresContainerOptions }
);

const ATTENDANT = join(import.meta.dirname, 'main.ts');
const newVolume = (of: string): string => `order-service-${of}-${randomBytes(6).toString('hex')}`;

export const prepareKafkaContainer = async (options: ContainerOptions): Promise<ProcessSpec> => {
  const { dir, port, lasting } = options;
  await mkdir(dir, { recursive: true });
  const { value, remember } = remembered(dir, () => ({ volume: newVolume('kafka'), clusterId: clusterId() }));
  const container = { ...value, image: KAFKA_IMAGE, port, volume: lasting ? value.volume : null };
  const isReady = async () => {
    if (!(await kafkaAnswers(LOOPBACK, port))) return false;
    if (lasting) remember();
    return true;
  };
  return supervisedProcess({ kind: 'broker', name: containerName(dir, 'broker'), dir, container }, options, isReady);
};

/** `url` holds the password. */
export const preparePostgresContainer = async (options: ContainerOptions): Promise<{ spec: ProcessSpec; url: string }> => {
  const { dir, port, lasting } = options;
  await mkdir(dir, { recursive: true });
  const { value, remember } = remembered(dir, () => ({
    volume: newVolume('postgres'),
    password: randomBytes(24).toString('base64url'),
  }));
  const url = `postgres://orders:${value.password}@${LOOPBACK}:${port}/orders`;
  const container = { ...value, image: POSTGRES_IMAGE, port, volume: lasting ? value.volume : null };
  const isReady = async () => {
    if (!(await databaseAnswers(url))) return false;
    if (lasting) remember();
    return true;
  };
  const supervised = { kind: 'postgres', name: containerName(dir, 'postgres'), dir, container } as const;
  return { spec: supervisedProcess(supervised, options, isReady), url };
};

const supervisedProcess = (supervised: Supervised, { dir, port, env }: ContainerOptions, isReady: () => Promise<boolean>): ProcessSpec => ({
  name: supervised.kind,
  port,
  command: process.execPath,
  args: [ATTENDANT, dir],
  env: { ...env, SUPERVISED: JSON.stringify(supervised) },
  cwd: dir,
  outputFile: join(dir, `${supervised.kind}.log`),
  stopSignal: 'SIGTERM',
  marker: dir,
  isReady,
});

/** 16 random bytes as Kafka writes ids. */
const clusterId = (): string => randomBytes(16).toString('base64url').replace(/^-/, 'A');
