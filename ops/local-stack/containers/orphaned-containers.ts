// ops/local-stack/containers/orphaned-containers.ts: containers of a run that was killed together with everything that would have ended them.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerRuntimeClient } from 'testcontainers';

type Docker = ContainerRuntimeClient['container']['dockerode'];

/** In a container's folder while there is a container: its name. */
export const STARTED_FILE = 'container';
export const CONTAINER_FOLDERS = ['kafka', 'postgres'] as const;

/** Where what is known of a container is kept: data, output, secrets. */
export const containerDir = (dataDir: string, of: (typeof CONTAINER_FOLDERS)[number]): string => join(dataDir, 'containers', of);

/** The same for every start on `dir`, and another for every other folder. */
export const containerName = (dir: string, what: string): string =>
  `order-service-${createHash('sha256').update(dir).digest('hex').slice(0, 12)}-${what}`;

/** Before ports are tried: a container that was left over has them. An engine that does not answer has no container running. */
export const removeLeftoverContainers = async (dataDir: string, say: (sentence: string) => void): Promise<void> => {
  for (const folder of CONTAINER_FOLDERS) {
    const file = join(containerDir(dataDir, folder), STARTED_FILE);
    if (!existsSync(file)) continue;
    const name = readFileSync(file, 'utf8');
    const { getContainerRuntimeClient } = await import('testcontainers');
    const client = await getContainerRuntimeClient().catch(() => null);
    if (client && (await removeContainer(client.container.dockerode, name))) {
      say(`removed the container ${name}, left over from a run that was killed`);
    }
    rmSync(file, { force: true });
  }
};

/** Ends it at once and removes it with its unnamed volumes; resolves when it is gone. False when there was none. */
export const removeContainer = async (docker: Docker, name: string): Promise<boolean> => {
  try {
    await docker.getContainer(name).remove({ force: true, v: true });
    return true;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return false;
    throw error;
  }
};
