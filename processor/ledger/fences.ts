// processor/ledger/fences.ts: runs each change of the ledger as one transaction that first compares and sets its partitions' rows (R8).
// It remembers how this process left those rows, and never runs two transactions at once, so that they stay in step.

import { arrayParameter, columnParameters, int4 } from '../../shared/postgres/binary.ts';
import type { Client, Database, Row } from '../../shared/postgres/database.ts';
import { databaseError } from '../../shared/postgres/errors.ts';
import { AppError } from '../../shared/runtime/app-error.ts';
import type { FenceStamp } from '../consumer-group.ts';
import { LedgerFenced, type PartitionRef, type ReadMark, type Start } from './ledger.ts';
import { LedgerWentBack } from './ledger-went-back.ts';
import { FENCE, FENCE_FIELDS, type FenceMove, READ_FENCES } from './statements.ts';
import { areStillAsFound, isBehind, markWentBack } from './went-back.ts';

export interface FenceRow {
  partition: number;
  epoch: number;
  sequence: number;
  start_offset: number;
}

/** What a transaction does to the row of a partition, besides raising its sequence. */
export interface FenceStep {
  /** Where it starts from now on. */
  next: Start | null;
  mark: ReadMark | null;
}

export interface Fences {
  /** As the claim left them. */
  set: (topic: string, rows: readonly FenceRow[]) => void;
  forget: (topic: string, partitions: readonly number[]) => void;
  /** Rejects as `Ledger` says; `work` may reject with LEDGER_WENT_BACK too. */
  transaction: <T>(topic: string, partitions: ReadonlyMap<number, FenceStep>, work: (client: Client) => Promise<T>) => Promise<T>;
  /** Runs between two transactions. */
  inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  stampOf: (where: PartitionRef) => FenceStamp | null;
  /** Where the partition starts by its row as this process last knew it; within a transaction: before it. */
  startOf: (where: PartitionRef) => number;
}

// Locks are taken in one order, so deadlocks are not expected; PostgreSQL may still report one, or a serialisation failure.
const ATTEMPTS_MAX = 5;
const LOST_RACE = /^40/;

export const createFences = (database: Database): Fences => {
  const rows = new Map<string, FenceRow & { topic: string; doubtful: boolean }>();
  const keyOf = (topic: string, partition: number): string => `${topic}/${partition}`;
  let turn: Promise<unknown> = Promise.resolve();

  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.then(work, work);
    turn = mine;
    return mine;
  };

  const attempt = async <T>(topic: string, moves: readonly FenceMove[], work: (client: Client) => Promise<T>): Promise<T> => {
    for (let count = 1; ; count += 1) {
      try {
        return await database.transaction(async (client) => {
          await compareAndSet(client, topic, moves);
          return await work(client);
        });
      } catch (error) {
        if (count === ATTEMPTS_MAX || !LOST_RACE.test(String((error as { code?: unknown }).code))) throw error;
      }
    }
  };

  /** A transaction of ours may have been committed without an answer: then its step is ours to take over. */
  const resolveDoubts = async (topic: string, partitions: readonly number[]): Promise<void> => {
    const doubtful = partitions.filter((partition) => rows.get(keyOf(topic, partition))?.doubtful);
    if (doubtful.length === 0) return;
    const found = await database.query<FenceRow & Row>(READ_FENCES, [topic, arrayParameter(int4, doubtful)]);
    for (const row of found.rows) {
      const mine = rows.get(keyOf(topic, row.partition));
      if (!mine || row.epoch !== mine.epoch || row.sequence - mine.sequence > 1 || row.sequence < mine.sequence) continue;
      rows.set(keyOf(topic, row.partition), { ...row, topic, doubtful: false });
    }
  };

  /** What the transaction ends with; not before everybody is stopped. */
  const noted = async (topic: string, moves: readonly FenceMove[], wentBack: LedgerWentBack): Promise<unknown> => {
    try {
      await database.transaction((client) => markWentBack(client, () => areStillAsFound(client, topic, moves)));
      return wentBack;
    } catch (error) {
      return error;
    }
  };

  const transaction: Fences['transaction'] = (topic, partitions, work) =>
    inTurn(async () => {
      const numbers = [...partitions.keys()];
      let moves: FenceMove[] = [];
      try {
        await resolveDoubts(topic, numbers);
        moves = numbers.map((partition) => moveOf(rows.get(keyOf(topic, partition)), { topic, partition }, partitions.get(partition)!));
        const result = await attempt(topic, moves, work);
        for (const { partition, epoch, sequence, startOffset, next } of moves) {
          if (!rows.has(keyOf(topic, partition))) continue; // taken away meanwhile
          const row = { partition, epoch, sequence: sequence + 1, start_offset: next?.offset ?? startOffset };
          rows.set(keyOf(topic, partition), { ...row, topic, doubtful: false });
        }
        return result;
      } catch (error) {
        const failure = databaseError(error instanceof LedgerWentBack ? await noted(topic, moves, error) : error);
        if (failure instanceof AppError && failure.retryable) {
          for (const partition of numbers) {
            const row = rows.get(keyOf(topic, partition));
            if (row) row.doubtful = true;
          }
        }
        throw failure;
      }
    });

  return {
    set: (topic, claimed) => {
      for (const row of claimed) rows.set(keyOf(topic, row.partition), { ...row, topic, doubtful: false });
    },
    forget: (topic, partitions) => {
      for (const partition of partitions) rows.delete(keyOf(topic, partition));
    },
    transaction,
    startOf: ({ topic, partition }) => rows.get(keyOf(topic, partition))?.start_offset ?? 0,
    inTurn,
    stampOf: ({ topic, partition }) => {
      const row = rows.get(keyOf(topic, partition));
      return row === undefined ? null : { epoch: row.epoch, sequence: row.sequence };
    },
  };
};

const moveOf = (row: FenceRow | undefined, { topic, partition }: PartitionRef, { next, mark }: FenceStep): FenceMove => {
  if (row === undefined) throw new LedgerFenced([{ topic, partition }]);
  return { partition, epoch: row.epoch, sequence: row.sequence, startOffset: row.start_offset, next, mark };
};

const compareAndSet = async (client: Client, topic: string, moves: readonly FenceMove[]): Promise<void> => {
  const values = [topic, ...columnParameters(FENCE_FIELDS, moves)];
  const { rows } = await client.query<{ partition: number }>({ name: 'fence', text: FENCE, values });
  if (rows.length === moves.length) return;
  const moved = new Set(rows.map(({ partition }) => partition));
  const lost = moves.filter(({ partition }) => !moved.has(partition));
  const numbers = lost.map(({ partition }) => partition);
  const found = await client.query<FenceRow & Row>(READ_FENCES, [topic, arrayParameter(int4, numbers)]);
  for (const mine of lost) {
    const row = found.rows.find(({ partition }) => partition === mine.partition);
    if (isBehind(row, mine)) throw new LedgerWentBack(sentenceOf(topic, mine, row));
  }
  throw new LedgerFenced(numbers.map((partition) => ({ topic, partition })));
};

const sentenceOf = (topic: string, { partition, epoch, sequence }: FenceMove, row: FenceRow | undefined): string =>
  `the row of ${topic}/${partition} stands at ${row === undefined ? 'nothing' : `${row.epoch}.${row.sequence}`}, this process left it at ${epoch}.${sequence}`;
