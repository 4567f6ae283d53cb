// ops/local-stack/containers/main.ts: the attendant of one container, a process of `npm start` and of the tests. What it is to run comes as
// JSON in ATTENDED: passwords do not belong on a command line. Argument: the container's folder, by which the process is known.

import { createAttendant } from './container-supervisor.ts';
import { kafkaContainer } from './kafka-container.ts';
import { postgresContainer } from './postgres-container.ts';
import type { Attended } from './supervised-containers.ts';

const main = async (): Promise<void> => {
  const attended = JSON.parse(process.env.ATTENDED!) as Attended;
  const build = () => (attended.kind === 'broker' ? kafkaContainer(attended.container) : postgresContainer(attended.container));
  const attendant = createAttendant({ ...attended, build, reaped: attended.container.volume === null });
  let stopping = false;
  const stop = async (code: number): Promise<void> => {
    if (stopping) return;
    stopping = true;
    await attendant.stop().catch(explain);
    process.exit(code);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop(0));
  try {
    await attendant.start();
  } catch (error) {
    if (!stopping) explain(error);
    return await stop(1);
  }
  const code = await attendant.ended;
  if (!stopping) console.error(`the container ${attended.name} ended with exit code ${code}`);
  await stop(1);
};

const explain = (error: unknown): void => console.error((error as Error).message);

await main();
