// ops/drill/faults/cut-log.ts: loses the end of a topic's partitions, as a machine without power may. The broker is stopped.

import { readdir, readFile, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';

const PREFIX_BYTES = 12; // base offset and length, before what the length counts
const LENGTH_AT = 8;
const LAST_OFFSET_DELTA_AT = 23;
// What the broker noted about the records that are lost; it makes all of it again when it finds that it was not stopped in order.
const NOTES = ['recovery-point-offset-checkpoint', 'replication-offset-checkpoint', '.kafka_cleanshutdown'];

/**
 * Cuts so many batches, at most, from the end of every partition of the topic. `data` is the folder of the broker's log; only the last
 * segment of a partition is cut.
 */
export const cutLog = async (data: string, topic: string, batches: number): Promise<void> => {
  const partitions = (await readdir(data)).filter((name) => name.replace(/-\d+$/, '') === topic);
  for (const partition of partitions) await cutPartition(join(data, partition), batches);
  for (const note of NOTES) await rm(join(data, note), { force: true });
};

const cutPartition = async (folder: string, batches: number): Promise<void> => {
  const files = await readdir(folder);
  const last = files
    .filter((name) => name.endsWith('.log'))
    .sort()
    .at(-1)!;
  const starts = batchStarts(await readFile(join(folder, last)));
  const at = starts[Math.max(0, starts.length - batches)];
  if (at === undefined) return; // it has none
  await truncate(join(folder, last), at);
  for (const file of files.filter((name) => name.endsWith('.snapshot'))) await rm(join(folder, file));
};

/** Positions of the whole batches in a segment. */
const batchStarts = (segment: Buffer): number[] => {
  const starts: number[] = [];
  for (let at = 0; at + LAST_OFFSET_DELTA_AT + 4 <= segment.length; ) {
    const next = at + PREFIX_BYTES + segment.readInt32BE(at + LENGTH_AT);
    if (next > segment.length) break;
    starts.push(at);
    at = next;
  }
  return starts;
};
