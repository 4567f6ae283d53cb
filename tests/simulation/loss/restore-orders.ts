// tests/simulation/loss/restore-orders.ts: `npm run orders -- restore-log` on the simulated log, by the real comparison of log and archive.
// Afterwards the log has every record of the archive, and none that it had is there again.

import { restorePartition } from '../../../projector/restore/restore-partition.ts';
import type { LogRecord, RecordToAppend } from '../../../shared/log/log.ts';
import { exactHeadersOf } from '../../../shared/log/protocol/exact-headers.ts';
import { type ArchivedRecord, type ArchiveRow, storedBytes } from '../../../shared/postgres/tables/archive-rows.ts';
import { cursorOf, nameOf } from '../../support/in-memory/archive.ts';
import { readRecords } from '../../support/in-memory/log.ts';
import { ORDERS, PARTITIONS, type World } from '../world.ts';

const READ_MAX = 3; // so that a difference is met within a batch and between two

/** No role runs. It may be interrupted, and is begun again then. */
export const restoreOrders = async (world: World): Promise<void> => {
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    const before = countedIn(readable(world, partition));
    const appended: LogRecord[] = [];
    const failAfter = world.sim.chance(0.3) ? world.sim.between(0, 4) : Infinity;
    await restoreOne(world, partition, appended, failAfter).catch((error: unknown) => {
      if (error !== INTERRUPTED) throw error;
    });
    if (failAfter < Infinity) await restoreOne(world, partition, appended, Infinity);
    checkRestored(world, partition, before, countedIn(appended));
  }
};

const INTERRUPTED = new Error('interrupted');

const restoreOne = async (world: World, partition: number, appended: LogRecord[], failAfter: number): Promise<void> => {
  const { sim, log, readModel } = world;
  const rows = (readModel.archive.get(partition) ?? []).map(rowOf);
  const records = readable(world, partition);
  let room = failAfter;
  const { appended: count } = await restorePartition({
    topic: ORDERS,
    partition,
    archived: { from: 0, to: readModel.checkpoints.get(partition)?.nextOffset ?? 0 },
    archive: cursorOf(rows),
    readLog: async (from, handle) => {
      for (let at = from; at < records.length; at += READ_MAX) if (!(await handle(records.slice(at, at + READ_MAX)))) return;
    },
    append: async (due) => {
      const some = due.slice(0, room);
      room -= some.length;
      if (some.length > 0) {
        const base = await appendExactly(world, partition, some);
        appended.push(...some);
        if (some.length === due.length) return due.map((_, index) => base + index);
      }
      throw INTERRUPTED;
    },
    onRecords: () => {},
  });
  sim.trace(() => `${ORDERS}/${partition} gets ${count} records back, and ends at ${log.ends(ORDERS).get(partition)!.high}`);
};

/** Resolves with the offset of the first, once they are replicated. */
const appendExactly = (world: World, partition: number, records: readonly LogRecord[]): Promise<number> => {
  const exact = records.map(
    (record): RecordToAppend => ({
      topic: ORDERS,
      partition,
      key: record.key,
      value: record.value,
      headers: {},
      exactHeaders: exactHeadersOf(record),
    }),
  );
  return new Promise((resolve) => {
    const write = (): void => world.log.write(ORDERS, partition, exact, (base) => (base === null ? write() : resolve(base)));
    write();
  });
};

const readable = ({ log }: World, number: number): LogRecord[] => {
  const partition = log.partitions(ORDERS)[number]!;
  return readRecords(partition, 0, partition.highWatermark);
};

const rowOf = ({ record, orderId, type, effect, recordedAt }: ArchivedRecord): ArchiveRow => ({
  partition: record.partition,
  log_offset: record.offset,
  order_id: orderId,
  type,
  effect,
  recorded_at: recordedAt,
  ...storedBytes(record),
});

/** Archived records that the log has nowhere in their partition. */
export const missingRecords = (world: World): number => {
  const all = [...world.readModel.archive].flatMap(([partition, rows]) => {
    const there = countedIn(readable(world, partition));
    return rows.filter(({ record }) => !there.has(nameOf(record)));
  });
  return all.length;
};

const countedIn = (records: readonly LogRecord[]): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const record of records) counts.set(nameOf(record), (counts.get(nameOf(record)) ?? 0) + 1);
  return counts;
};

/** Every record of the archive is there, and none came back that was there as often as in the archive. */
const checkRestored = (
  { sim, readModel }: World,
  partition: number,
  before: ReadonlyMap<string, number>,
  appended: ReadonlyMap<string, number>,
): void => {
  const archive = (readModel.archive.get(partition) ?? []).map(({ record }) => record);
  const archived = countedIn(archive);
  const idOf = new Map(archive.map((record) => [nameOf(record), `${partition}@${record.offset}`]));
  for (const [name, count] of archived) {
    const [had, got] = [before.get(name) ?? 0, appended.get(name) ?? 0];
    if (had + got === 0) sim.violate(`the archived record ${idOf.get(name)} was not restored`);
    if (got > Math.max(0, count - had))
      sim.violate(`the archived record ${idOf.get(name)} was restored ${got} times, it was there ${had} times`);
  }
};
