// ops/local-stack/containers/main.ts: the container supervisor: runs one container, as a process of `npm start` and of the tests.
// What it runs comes as JSON in SUPERVISED: passwords do not belong on a command line. Argument: the container's folder, by which the
// process is known.

import { createContainerSupervisor } from './container-supervisor.ts';
import { kafkaContainer } from './kafka-container.ts';
import { postgresContainer } from './postgres-container.ts';
import type { Supervised } from './supervised-containers.ts';

const main = async (): Promise<void> => {
  const supervised = JSON.parse(process.env.SUPERVISED!) as Supervised;
  const build = () => (supervised.kind === 'broker' ? kafkaContainer(supervised.container) : postgresContainer(supervised.container));
  const supervisor = createContainerSupervisor({ ...supervised, build, reaped: supervised.container.volume === null });
  let stopping = false;
  const stop = async (code: number): Promise<void> => {
    if (stopping) return;
    stopping = true;
    await supervisor.stop().catch(explain);
    process.exit(code);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop(0));
  try {
    await supervisor.start();
  } catch (error) {
    if (!stopping) explain(error);
    return await stop(1);
  }
  const code = await supervisor.ended;
  if (!stopping) console.error(`the container ${supervised.name} ended with exit code ${code}`);
  await stop(1);
};

const explain = (error: unknown): void => console.error((error as Error).message);

await main();
