// ops/local-stack/containers/engine.ts: can a container engine on this machine run an image? testcontainers, a development dependency, is
// loaded only when there may be one.

import { existsSync } from 'node:fs';
import { homedir, hostname, userInfo } from 'node:os';
import { join } from 'node:path';

export interface EngineProblem {
  /** The start of a sentence: `the container engine …`, no full stop. */
  sentence: string;
}

export interface EngineQuery {
  image: string;
  /** The engine also ends containers whose starter was killed: testcontainers' Ryuk must run. */
  reaped: boolean;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  say: (sentence: string) => void;
}

const NO_ENGINE: EngineProblem = { sentence: 'no container engine answers' };
// Names of the machine itself in DOCKER_HOST.
const THIS_MACHINE = ['localhost', '127.0.0.1', '[::1]', '::1'];

/** Null when the engine has the image, or has fetched it. Rejects only with the signal's reason. */
export const whyNoContainer = async (query: EngineQuery): Promise<EngineProblem | null> => {
  if (!mayAnswer(query.env)) return NO_ENGINE;
  const aborted = new Promise<never>((_, reject) => {
    if (query.signal.aborted) reject(query.signal.reason);
    query.signal.addEventListener('abort', () => reject(query.signal.reason), { once: true });
  });
  return await Promise.race([ask(query), aborted]); // fetching an image takes minutes and cannot be told to end
};

/** What testcontainers would try. Nothing is loaded where none of it exists. */
const mayAnswer = (env: NodeJS.ProcessEnv): boolean => {
  if (env.DOCKER_HOST) return true;
  if (process.platform === 'win32') return true; // a named pipe
  const home = homedir();
  const places = [
    '/var/run/docker.sock',
    join(env.XDG_RUNTIME_DIR ?? join('/run/user', String(userInfo().uid)), 'docker.sock'),
    join(home, '.docker', 'run', 'docker.sock'),
    join(home, '.docker', 'desktop', 'docker.sock'),
    join(home, '.testcontainers.properties'),
  ];
  return places.some((place) => existsSync(place));
};

const ask = async ({ image, reaped, say }: EngineQuery): Promise<EngineProblem | null> => {
  const loaded = await import('testcontainers').catch(() => null);
  if (!loaded) return { sentence: 'testcontainers is not installed (npm ci without --omit=dev installs it)' };
  const client = await loaded.getContainerRuntimeClient().catch(() => null);
  if (!client) return NO_ENGINE;
  let needed = image;
  try {
    // Ports are published on loopback, so that no other machine reaches them: the engine's loopback must be ours. Seen from inside of a container
    // every engine seems remote; one that has our host name runs beside us.
    const { host } = client.info.containerRuntime;
    const { Name: engineHost } = (await client.container.dockerode.info()) as { Name: string };
    if (!THIS_MACHINE.includes(host) && engineHost !== hostname()) {
      return { sentence: `the container engine runs on another machine (${host}), whose loopback is not ours` };
    }
    const name = loaded.ImageName.fromString(image);
    if (!(await client.image.exists(name))) say(`fetching the image ${image} …`);
    await client.image.pull(name, { force: false, platform: undefined });
    needed = "testcontainers' Ryuk";
    if (reaped) await loaded.getReaper(client); // one more than needed; that it runs is what is asked
    return null;
  } catch (error) {
    return { sentence: `the container engine cannot run ${needed} (${(error as Error).message.trim()})` };
  }
};
