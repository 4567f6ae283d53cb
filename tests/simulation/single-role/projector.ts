// tests/simulation/single-role/projector.ts: the projector on a log in memory, with a rival that holds the same partitions, a store that
// fails before or after it has committed, records that are none, and a log that is made anew. The tables have to be what the log says.

import { createOrderProjector } from '../../../projector/project-orders.ts';
import type { LogRecord } from '../../../shared/log/log.ts';
import type { OrderEvent } from '../../../shared/order/events.ts';
import { AppError } from '../../../shared/runtime/app-error.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { recordOf, strayRecord } from '../../support/builders/log-records.ts';
import { created, event } from '../../support/builders/order-events.ts';
import { eventually } from '../../support/eventually.ts';
import { createInMemoryStore, type InMemoryStore } from '../../support/in-memory/store.ts';
import { createFakeLog } from '../../unit/projector/fake-reader.ts';
import { random } from './simulation.ts';
import { foldOf } from './verdicts.ts';

const TIME_LIMIT_MS = 4_000; // a hundred times what a seed takes; a projector that stands still is found after it
const PARTITIONS = [0, 1];
const ORDERS = 8;

type Chance = (probability: number) => boolean;

const lifeOf = (id: string, chance: Chance): OrderEvent[] => {
  const life: OrderEvent[] = [created(id, { total_minor: 1 + id.length * 37 })];
  if (chance(0.3)) life.push(event('OrderCancellationRequested', id, { id: `r-${id}` }));
  if (chance(0.3)) return [...life, event('OrderCancelled', id, { version: 2, causationId: chance(0.5) ? `r-${id}` : null })];
  life.push(event('OrderProcessing', id, { version: 2 }), event('OrderRequestRefused', id, { causationId: `r-${id}` }));
  return chance(0.8) ? [...life, event('OrderCompleted', id, { version: 3 })] : life;
};

/** Lives of orders, woven into one another, with copies and strays in between. */
const historyOf = (partition: number, next: () => number, name: string): LogRecord[] => {
  const chance: Chance = (probability) => next() < probability;
  const lives = Array.from({ length: ORDERS }, (_, n) => lifeOf(`${name}-${partition}-${n}`, chance));
  const records: LogRecord[] = [];
  while (lives.some((life) => life.length > 0)) {
    const life = lives[Math.floor(next() * ORDERS)]!;
    const each = chance(0.15) ? life[0] : life.shift();
    if (each) records.push(recordOf(each, partition, records.length));
    if (chance(0.06)) records.push(strayRecord(partition, records.length));
  }
  return records;
};

const world = (seed: number) => {
  const next = random(seed);
  const store = createInMemoryStore();
  const buried = new Set<string>();
  const found: string[] = [];
  const fatal: Error[] = [];
  const { commit } = store;
  const away = (): AppError => new AppError('DATABASE_UNAVAILABLE', 'simulated');
  store.commit = async (batch) => {
    const fate = next();
    if (fate < 0.1) throw away();
    for (const { record, effect } of batch.archive) {
      if (effect === 'undecodable' && !buried.has(`${record.partition}@${record.offset}`))
        found.push('a record was passed over without a dead letter');
    }
    await commit(batch);
    if (fate > 0.9) throw away();
  };
  const start = async (records: readonly LogRecord[], topicId: string) => {
    const log = createFakeLog();
    const projector = createOrderProjector({
      topicId,
      store,
      openReader: log.openReader,
      checkLog: async (checkpoints) => {
        for (const { partition, nextOffset, lastEventId, topicId: noted } of checkpoints) {
          const before = records.find((record) => record.partition === partition && record.offset === nextOffset - 1);
          const id = before?.headers.ce_id?.toString() ?? null;
          if (noted !== topicId || (nextOffset > 0 && lastEventId !== id))
            throw new AppError('LOG_MISMATCH', `${lastEventId} is not ${id}`);
        }
      },
      deadLetter: async ({ partition, offset }) => {
        if (next() < 0.2) throw new AppError('APPEND_OUTCOME_UNKNOWN', 'simulated');
        buried.add(`${partition}@${offset}`);
      },
      commitGapMs: 0,
      logger: createLogger('test', 'silent'),
      onCommitted: () => {},
      onDeadLetter: () => {},
      onProgress: () => {},
      onFatal: (error) => fatal.push(error),
    });
    await projector.start();
    return { log, projector };
  };
  return { next, store, start, found, fatal };
};

const reached = (store: InMemoryStore, records: readonly LogRecord[]): boolean =>
  PARTITIONS.every((partition) => {
    const end = records.filter((record) => record.partition === partition).length;
    return (store.tables().checkpoints[partition]?.nextOffset ?? 0) >= end;
  });

/** Rows, archive and counters, each by the oracle's fold. */
const wrongTables = (store: InMemoryStore, records: LogRecord[]): string[] => {
  const { orders, archive, counters } = store.tables();
  const { folded } = foldOf([records]);
  const found: string[] = [];
  for (const [id, { status, history, answered }] of folded.orders) {
    const row = orders.find(({ order }) => order.orderId === id)?.order;
    if (row?.status !== status || row.version !== history.length)
      found.push(`the row of ${id} is ${row?.status} ${row?.version}, not ${status} ${history.length}`);
    if (row?.answeredRequests.length !== answered.size) found.push(`the row of ${id} has ${row?.answeredRequests.length} answers`);
  }
  if (archive.length !== records.length) found.push(`${archive.length} records are archived, not ${records.length}`);
  for (const { partition, offset, effect } of folded.verdicts) {
    const row = archive.find(({ position }) => position === `${partition}@${offset}`);
    if (row?.effect !== effect) found.push(`${partition}@${offset} is archived as ${row?.effect}, not ${effect}`);
  }
  for (const status of ['pending', 'processing', 'completed', 'cancelled'] as const) {
    const counted = Object.values(counters).reduce((sum, each) => sum + each[status], 0);
    const count = [...folded.orders.values()].filter((order) => order.status === status).length;
    if (counted !== count) found.push(`${counted} orders are counted as ${status}, not ${count}`);
  }
  return found;
};

/** Rivals, failures and revocations, until all of the log is in the tables. */
export const projector = async (seed: number): Promise<string[]> => {
  const { next, store, start, found, fatal } = world(seed);
  const records = PARTITIONS.flatMap((partition) => historyOf(partition, next, `s${seed}`));
  const rivals = [await start(records, 'first'), await start(records, 'first')];
  const ends = PARTITIONS.map(() => 0);
  for (const { log } of rivals) await log.assign([...PARTITIONS]);
  while (PARTITIONS.some((partition) => ends[partition]! < records.filter((record) => record.partition === partition).length)) {
    const partition = Math.floor(next() * PARTITIONS.length);
    const some = records
      .filter((record) => record.partition === partition)
      .slice(ends[partition], ends[partition]! + 1 + Math.floor(next() * 8));
    ends[partition]! += some.length;
    for (const { log } of rivals) if (some.length > 0) log.append(some);
    const { log } = rivals[Math.floor(next() * rivals.length)]!;
    if (next() < 0.3) {
      log.revoke([partition]);
      await log.assign([partition]);
    }
    for (let turns = Math.floor(next() * 4); turns > 0; turns -= 1) await new Promise(setImmediate);
  }
  const what = 'the tables';
  await eventually(() => fatal.length > 0 || reached(store, records), { what, timeoutMs: TIME_LIMIT_MS }).catch(() =>
    found.push('a projector stands still'),
  );
  await Promise.all(rivals.map((rival) => rival.projector.stop()));
  return [...found, ...fatal.map(String), ...wrongTables(store, records)];
};

/** The log was deleted and made again under the same name: its records are not those that the rows come from (R9). */
export const anotherLog = async (seed: number): Promise<string[]> => {
  const { next, store, start, found, fatal } = world(seed);
  const records = PARTITIONS.flatMap((partition) => historyOf(partition, next, 'old'));
  const first = await start(records, 'first');
  await first.log.assign([...PARTITIONS]);
  first.log.append(records);
  await eventually(() => reached(store, records), { what: 'the tables', timeoutMs: TIME_LIMIT_MS });
  await first.projector.stop();
  const others = PARTITIONS.flatMap((partition) => [...historyOf(partition, next, 'new'), ...historyOf(partition, next, 'more')]).map(
    (record, index, all) => ({
      ...record,
      offset: all.slice(0, index).filter(({ partition }) => partition === record.partition).length,
    }),
  );
  const second = await start(others, 'second');
  const refused = await second.log.assign([...PARTITIONS]).then(
    () => false,
    (error: Error) => (error as { code?: unknown }).code === 'LOG_MISMATCH',
  );
  if (!refused) {
    second.log.append(others);
    found.push('records of another log are projected on top of the rows');
  }
  await second.projector.stop();
  return [...found, ...fatal.map(String)];
};
