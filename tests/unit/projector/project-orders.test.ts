// The projector's shell, on a log and a store in memory: what it does when something is in its way.

import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import type { CheckLog } from '../../../projector/follow-checkpoints.ts';
import type { Batch } from '../../../projector/project.ts';
import { createOrderProjector, type OrderProjector } from '../../../projector/project-orders.ts';
import { decodeOrderEvent } from '../../../shared/log/codec/order-codec.ts';
import type { LogRecord } from '../../../shared/log/log.ts';
import { AppError } from '../../../shared/runtime/app-error.ts';
import { recordsOf, undecodableRecord } from '../../support/builders/log-records.ts';
import { created, fact } from '../../support/builders/order-events.ts';
import { eventually } from '../../support/eventually.ts';
import { createInMemoryStore } from '../../support/in-memory/store.ts';
import { inSteeredTime, pass } from '../../support/steered-time.ts';
import { createFakeLog } from './fake-reader.ts';

const FOLLOW_INTERVAL_MS = 3_000; // follow-checkpoints.ts

const running: OrderProjector[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((projector) => projector.stop()));
});

const life = (orderId: string) => [
  created(orderId),
  fact('OrderProcessing', orderId, 2, 'pending'),
  fact('OrderCompleted', orderId, 3, 'processing'),
];

const startProjector = async (
  options: { partitions?: number[]; checkLog?: CheckLog; deadLetter?: (record: LogRecord) => Promise<unknown> } = {},
) => {
  const { partitions = [0], checkLog = async () => {}, deadLetter = async () => {} } = options;
  const log = createFakeLog();
  const store = createInMemoryStore();
  const batches: Batch[] = [];
  const fatal: Error[] = [];
  const projector = createOrderProjector({
    decode: decodeOrderEvent, // orders are where the test puts them
    topicId: 'topic-id',
    store,
    openReader: log.openReader,
    checkLog,
    deadLetter,
    commitGapMs: 0,
    logger: pino({ level: 'silent' }),
    onCommitted: (batch) => batches.push(batch),
    onDeadLetter: () => {},
    onProgress: () => {},
    onFatal: (error) => fatal.push(error),
  });
  running.push(projector);
  await projector.start();
  await log.assign(partitions);
  const position = (partition: number) => store.tables().checkpoints[partition]!.nextOffset;
  const reached = (partition: number, offset: number) =>
    eventually(() => position(partition) >= offset, { what: `the checkpoint of partition ${partition} at ${offset}` });
  const statuses = () => store.tables().orders.map(({ order }) => order.status);
  return { log, store, batches, fatal, projector, reached, position, statuses };
};

describe('the projector', () => {
  it('projects what is appended, and says how far it is', async () => {
    const { log, store, reached, projector, statuses } = await startProjector({ partitions: [0, 1] });
    log.append([...recordsOf(life('a'), 0), ...recordsOf(life('b'), 1)]);
    await Promise.all([reached(0, 3), reached(1, 3)]);
    expect(statuses()).toEqual(['completed', 'completed']);
    expect(store.tables().archive).toHaveLength(6);
    expect([...projector.lag().values()]).toEqual([0, 0]);
    expect(projector.oldestWaiting()).toBeNull();
  });

  it('does not ask for orders that it has just written', async () => {
    const { log, store, reached } = await startProjector();
    log.append(recordsOf(life('a').slice(0, 1)));
    await reached(0, 1);
    log.append(recordsOf(life('a').slice(1), 0, 1));
    await reached(0, 3);
    expect(store.loads.flat()).toEqual(['a']);
  });

  it('keeps the rows of a batch that it has begun when their partition is taken away meanwhile', async () => {
    const { log, store, reached, statuses } = await startProjector({ partitions: [0, 1] });
    log.append(recordsOf(life('a').slice(0, 2)));
    await reached(0, 2);
    const { load } = store;
    store.load = async (orderIds) => {
      if (orderIds.includes('b')) log.revoke([0]);
      return load(orderIds);
    };
    // One batch: `a` is known, `b` is asked for.
    log.append([...recordsOf(life('b').slice(0, 1), 1), ...recordsOf(life('a').slice(2), 0, 2)]);
    await reached(1, 1);
    await log.assign([0]);
    await reached(0, 3);
    expect(statuses()).toEqual(['completed', 'pending']);
  });

  it('tells Kafka how far it is, for lag tools', async () => {
    const { log, reached } = await startProjector();
    log.append(recordsOf(life('a')));
    await reached(0, 3);
    await eventually(() => log.committed.get(0)?.offset === 3, { what: 'the offset committed to Kafka' });
  });

  it('waits for a database that is down, and then goes on without a loss', async () => {
    const { log, store, reached, projector, fatal, statuses } = await startProjector();
    let down = true;
    store.beforeCommit = () => {
      if (down) throw new AppError('DATABASE_UNAVAILABLE', 'the database is down');
    };
    log.append(recordsOf(life('a')));
    await eventually(() => projector.trouble()?.message === 'the database is down', { what: 'the trouble to show' });
    expect([...projector.lag().values()]).toEqual([3]);
    down = false;
    await reached(0, 3);
    expect(projector.trouble()).toBeNull();
    expect(statuses()).toEqual(['completed']);
    expect(fatal).toEqual([]);
  });

  it('has caught up once its rows contain what was in the log when it was given the partition', async () => {
    const { log, store, projector } = await startProjector();
    expect(projector.isCaughtUp()).toBe(true);
    let down = true;
    store.beforeCommit = () => {
      if (down) throw new AppError('DATABASE_UNAVAILABLE', 'the database is down');
    };
    log.append(recordsOf(life('a')));
    expect(projector.isCaughtUp()).toBe(true); // that is lag
    log.revoke([0]);
    await log.assign([0]);
    expect(projector.isCaughtUp()).toBe(false);
    down = false;
    await eventually(projector.isCaughtUp, { what: 'it to catch up' });
    expect([...projector.lag().values()]).toEqual([0]);
  });

  it('does not count a batch twice whose commit was confirmed too late to be known', async () => {
    const { log, store, reached, batches } = await startProjector();
    const { commit } = store;
    let lost = false;
    store.commit = async (batch) => {
      await commit(batch);
      if (lost) return;
      lost = true;
      throw new AppError('DATABASE_UNAVAILABLE', 'the connection was lost during COMMIT');
    };
    log.append(recordsOf(life('a')));
    await reached(0, 3);
    log.append(recordsOf(life('b'), 0, 3));
    await reached(0, 6);
    expect(store.tables().counters[0]).toMatchObject({ completed: 2, pending: 0, processing: 0 });
    expect(store.tables().archive).toHaveLength(6);
    expect(batches).toHaveLength(1); // the first one was never confirmed
  });

  it('goes where the checkpoint is when somebody else has moved it on', async () => {
    const { log, store, reached, statuses } = await startProjector();
    log.append(recordsOf(life('a')));
    await reached(0, 3);
    // Another projector takes the next three records; ours has them too.
    store.beforeCommit = () => {
      store.beforeCommit = () => {};
      store.setCheckpoint(0, 6);
    };
    log.append(recordsOf(life('b'), 0, 3));
    await eventually(() => log.seeks.at(-1)?.offset === 6, { what: 'a seek to the checkpoint' });
    log.append(recordsOf(life('c'), 0, 6));
    await reached(0, 9);
    expect(statuses()).toEqual(['completed', 'completed']); // a and c: b was the other one's
  });

  it(
    'with nothing to do notices a checkpoint that went back, and projects again from there',
    inSteeredTime(async () => {
      const { log, store, reached, projector } = await startProjector();
      log.append(recordsOf(life('a')));
      await reached(0, 3);
      store.setCheckpoint(0, 0);
      await pass(FOLLOW_INTERVAL_MS);
      await reached(0, 3);
      expect(log.seeks).toEqual([{ partition: 0, offset: 0 }]);
      await projector.stop();
      // Version by version the same facts are void now: the rows were not restored together with the checkpoint in this test.
      expect(store.tables().archive.filter(({ effect }) => effect === 'void')).toHaveLength(3);
    }),
  );

  it(
    'checks again whether it is the right log before it follows a checkpoint',
    inSteeredTime(async () => {
      let wrong = false;
      const checkLog: CheckLog = async () => {
        if (wrong) throw new AppError('LOG_MISMATCH', 'another log');
      };
      const { log, store, reached, fatal, projector } = await startProjector({ checkLog });
      log.append(recordsOf(life('a')));
      await reached(0, 3);
      wrong = true;
      store.setCheckpoint(0, 1);
      await pass(FOLLOW_INTERVAL_MS);
      await eventually(() => fatal.length > 0, { what: 'the projector to stop' });
      await projector.stop();
      expect(fatal[0]).toMatchObject({ code: 'LOG_MISMATCH' });
    }),
  );

  it('sets records aside that it cannot decode before it passes them over, once', async () => {
    const seen: string[] = [];
    let failures = 2;
    const { log, store, reached } = await startProjector({
      deadLetter: async ({ offset }) => {
        failures -= 1;
        if (failures >= 0) throw new AppError('APPEND_OUTCOME_UNKNOWN', 'the broker is away');
        seen.push(`dead letter ${offset}`);
      },
    });
    let refused = false;
    store.beforeCommit = (batch) => {
      if (batch.archive.some(({ effect }) => effect === 'undecodable')) seen.push('commit');
      if (!refused) {
        refused = true;
        throw new AppError('DATABASE_UNAVAILABLE', 'the database is down');
      }
    };
    log.append([...recordsOf([created('a')]), undecodableRecord(0, 1), ...recordsOf([created('b')], 0, 2)]);
    await reached(0, 3);
    expect(seen).toEqual(['dead letter 1', 'commit', 'commit']);
    expect(store.tables().archive.map(({ effect }) => effect)).toEqual(['applied', 'undecodable', 'applied']);
  });

  it('does not stop for a record that is too large for the dead-letter topic', async () => {
    const { log, reached, fatal } = await startProjector({
      deadLetter: async () => {
        throw new AppError('RECORD_TOO_LARGE', 'too large');
      },
    });
    log.append([undecodableRecord(0, 0)]);
    await reached(0, 1);
    expect(fatal).toEqual([]);
  });

  it('projects what comes before a type that only newer code knows, then stops', async () => {
    const { log, fatal, position, statuses } = await startProjector({ partitions: [0, 1] });
    const [future] = recordsOf([created('x')], 0, 3);
    const unknown = { ...future!, headers: { ...future!.headers, ce_type: Buffer.from('orders.OrderTeleported.v1') } };
    log.append([...recordsOf(life('a'), 0), unknown, ...recordsOf([created('y')], 0, 4), ...recordsOf(life('b'), 1)]);
    await eventually(() => fatal.length > 0, { what: 'the projector to stop' });
    expect(fatal[0]).toMatchObject({ code: 'UNKNOWN_EVENT_TYPE' });
    expect([position(0), position(1)]).toEqual([3, 3]);
    expect(statuses()).toEqual(['completed', 'completed']);
  });

  it('holds the reader back while more than it wants to remember waits for the database', async () => {
    const { log, store, reached, projector } = await startProjector();
    let release = (): void => {};
    store.beforeCommit = () => new Promise<void>((resolve) => (release = resolve));
    const many = Array.from({ length: 10_001 }, (_, i) => created(`order-${i}`));
    log.append(recordsOf(many));
    expect(log.heldBack(0)).toBe(true);
    await eventually(() => store.loads.length > 0, { what: 'the first batch' });
    store.beforeCommit = () => {};
    release();
    await reached(0, many.length);
    expect(log.heldBack(0)).toBe(false);
    expect(projector.oldestWaiting()).toBeNull();
    expect(store.tables().counters[0]).toMatchObject({ pending: many.length });
  });

  it('leaves a partition alone that was taken away during a commit, even if it comes back at once', async () => {
    const { log, store, reached } = await startProjector();
    let release = (): void => {};
    store.beforeCommit = () => new Promise<void>((resolve) => (release = resolve));
    log.append(recordsOf(life('a')));
    await eventually(() => store.loads.length > 0, { what: 'the first batch' });
    store.beforeCommit = () => {};
    log.revoke([0]);
    await log.assign([0]); // finds the checkpoint where it was: the commit is not in yet
    release();
    log.append(recordsOf(life('b'), 0, 3));
    await reached(0, 6);
    expect(store.tables().counters[0]).toMatchObject({ completed: 2 });
    expect(store.tables().archive).toHaveLength(6);
  });

  it('reads rows again after a partition has been somewhere else', async () => {
    const { log, store, reached } = await startProjector();
    log.append(recordsOf([created('a')]));
    await reached(0, 1);
    log.revoke([0]);
    await log.assign([0]);
    log.append(recordsOf(life('a').slice(1), 0, 1));
    await reached(0, 3);
    expect(store.loads.flat()).toEqual(['a', 'a']);
  });
});
