// tests/support/faults/cut-log.ts: a broker that loses the end of its log, as a machine without power may.
// The files of a broker that was killed are cut before it is started again; topics and groups stay.

import { join } from 'node:path';
import { cutLogAt } from '../../../ops/drill/faults/cut-log.ts';
import type { OwnEnvironment } from '../stack/own-environment.ts';
import { endAndAwait } from '../stack/service/kept-process.ts';

/** Partition → from which offset on its records are lost, at least; a batch is lost as a whole. */
export type Cuts = ReadonlyMap<number, number>;

/** Kills the broker, cuts its log, and resolves when it is ready again. `meanwhile` runs while there is no broker. */
export const loseEnd = async (
  { broker, dataDir }: Pick<OwnEnvironment, 'broker' | 'dataDir'>,
  topic: string,
  cuts: Cuts,
  meanwhile: () => Promise<void> = async () => {},
): Promise<void> => {
  const { beforeStart } = broker.spec;
  broker.spec.beforeStart = async () => {
    await beforeStart?.();
    await cutLogAt(join(dataDir, 'kafka', 'data'), topic, cuts);
    await meanwhile();
  };
  await endAndAwait(broker);
  if (beforeStart) broker.spec.beforeStart = beforeStart;
  else delete broker.spec.beforeStart;
};
