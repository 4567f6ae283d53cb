// tests/support/stack/containers.ts: the containers and volumes of one data folder, for tests that kill the former and delete the latter.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerRuntimeClient } from 'testcontainers';
import { whyNoContainer } from '../../../ops/local-stack/containers/engine.ts';
import { containerDir, containerName } from '../../../ops/local-stack/containers/orphaned-containers.ts';
import { KAFKA_IMAGE, POSTGRES_IMAGE } from '../../../ops/local-stack/containers/supervised-containers.ts';

export type ContainerKind = 'broker' | 'postgres';
type Docker = ContainerRuntimeClient['container']['dockerode'];
type Inspected = Awaited<ReturnType<ReturnType<Docker['getContainer']>['inspect']>>;

/** Null where `npm start` takes containers; else what is missing. */
export const whyNoContainers = async (): Promise<string | null> => {
  const query = { reaped: false, env: process.env, signal: new AbortController().signal, say: () => {} };
  for (const image of [KAFKA_IMAGE, POSTGRES_IMAGE]) {
    const problem = await whyNoContainer({ ...query, image });
    if (problem) return problem.sentence;
  }
  return null;
};

const docker = async (): Promise<Docker> => (await (await import('testcontainers')).getContainerRuntimeClient()).container.dockerode;
const dirOf = (dataDir: string, kind: ContainerKind): string => containerDir(dataDir, kind === 'broker' ? 'kafka' : 'postgres');

/** Null when there is none, running or not. */
export const inspectContainer = async (dataDir: string, kind: ContainerKind): Promise<Inspected | null> => {
  const dir = dirOf(dataDir, kind);
  try {
    return await (await docker()).getContainer(containerName(dir, kind)).inspect();
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return null;
    throw error;
  }
};

/** SIGKILL for everything in it, behind the back of whoever keeps it running. */
export const killContainer = async (id: string): Promise<void> => {
  await (await docker()).getContainer(id).kill();
};

/** What the folder has in the engine: its containers, if any are left, and its volumes. */
export const deleteContainerData = async (dataDir: string): Promise<void> => {
  const engine = await docker();
  for (const kind of ['broker', 'postgres'] as const) {
    const left = await inspectContainer(dataDir, kind);
    if (left) await engine.getContainer(left.Id).remove({ force: true, v: true });
    const memory = join(dirOf(dataDir, kind), 'data.json');
    if (!existsSync(memory)) continue;
    const { volume } = JSON.parse(readFileSync(memory, 'utf8')) as { volume: string };
    await engine.getVolume(volume).remove();
  }
};
