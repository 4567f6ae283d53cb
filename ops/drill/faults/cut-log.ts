// ops/drill/faults/cut-log.ts: loses the end of a topic's partitions, as a machine without power may. The broker is stopped.

import { readdir, readFile, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';

// https://kafka.apache.org/documentation/#recordbatch: base offset and length, then what the length counts; at 23, how far the last record
// is from the base.
const PREFIX_BYTES = 12;
const LENGTH_AT = 8;
const LAST_OFFSET_DELTA_AT = 23;
// What the broker noted about the records that are lost; it makes all of it again when it finds that it was not stopped in order.
const NOTES = ['recovery-point-offset-checkpoint', 'replication-offset-checkpoint', '.kafka_cleanshutdown'];

interface Batch {
  /** Where it begins in its file. */
  at: number;
  /** The offset behind its last record. */
  next: number;
}

/** Cuts so many batches, at most, from the end of every partition of the topic. `data` is the folder of the broker's log. */
export const cutLog = async (data: string, topic: string, batches: number): Promise<void> => {
  const partitions = (await readdir(data)).filter((name) => name.replace(/-\d+$/, '') === topic);
  for (const partition of partitions) await cutPartition(join(data, partition), (all) => all.slice(0, Math.max(0, all.length - batches)));
  await forgetNotes(data);
};

/**
 * Cuts each of these partitions (partition → offset) behind the last batch that ends at or below the offset: a batch is lost as a whole.
 * Resolves with where they end now.
 */
export const cutLogAt = async (data: string, topic: string, ends: ReadonlyMap<number, number>): Promise<Map<number, number>> => {
  const cut = new Map<number, number>();
  for (const [partition, end] of ends) {
    cut.set(partition, await cutPartition(join(data, `${topic}-${partition}`), (all) => all.filter(({ next }) => next <= end)));
  }
  await forgetNotes(data);
  return cut;
};

const forgetNotes = async (data: string): Promise<void> => {
  for (const note of NOTES) await rm(join(data, note), { force: true });
};

/** Only the last segment is cut; `keep` says which of its batches, from its beginning, are left. Resolves with where it ends now. */
const cutPartition = async (folder: string, keep: (batches: readonly Batch[]) => readonly Batch[]): Promise<number> => {
  const files = await readdir(folder);
  const last = files
    .filter((name) => name.endsWith('.log'))
    .sort()
    .at(-1)!;
  const batches = batchesIn(await readFile(join(folder, last)));
  const kept = keep(batches);
  const lost = batches[kept.length];
  if (lost !== undefined) {
    await truncate(join(folder, last), lost.at);
    for (const file of files.filter((name) => name.endsWith('.snapshot'))) await rm(join(folder, file));
  }
  return kept.at(-1)?.next ?? Number.parseInt(last, 10); // a segment is named after its first offset
};

/** The whole batches in a segment. */
const batchesIn = (segment: Buffer): Batch[] => {
  const batches: Batch[] = [];
  for (let at = 0; at + LAST_OFFSET_DELTA_AT + 4 <= segment.length; ) {
    const length = segment.readInt32BE(at + LENGTH_AT);
    const end = at + PREFIX_BYTES + length;
    if (length === 0 || end > segment.length) break; // space that was set aside, or half a batch
    batches.push({ at, next: Number(segment.readBigInt64BE(at)) + segment.readInt32BE(at + LAST_OFFSET_DELTA_AT) + 1 });
    at = end;
  }
  return batches;
};
