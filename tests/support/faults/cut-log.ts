// tests/support/faults/cut-log.ts: a broker that loses the end of its log, as a machine without power may.
// The files of a broker that was killed are cut before it is started again; topics and groups stay.

import { readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { OwnEnvironment } from '../stack/own-environment.ts';
import { endAndAwait } from '../stack/service/kept-process.ts';

const SEGMENT = '00000000000000000000.log';
const PREFIX_BYTES = 12;

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
    for (const [partition, offset] of cuts) await cutFile(join(dataDir, 'kafka', 'data', `${topic}-${partition}`, SEGMENT), offset);
    await meanwhile();
  };
  await endAndAwait(broker);
  if (beforeStart) broker.spec.beforeStart = beforeStart;
  else delete broker.spec.beforeStart;
};

const cutFile = async (path: string, offset: number): Promise<void> => {
  const segment = await readFile(path);
  let at = 0;
  while (at + PREFIX_BYTES <= segment.length) {
    const next = at + PREFIX_BYTES + segment.readInt32BE(at + 8);
    if (next > segment.length || Number(segment.readBigInt64BE(at)) + segment.readInt32BE(at + 23) >= offset) break;
    at = next;
  }
  await truncate(path, at);
};
