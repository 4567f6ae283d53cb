// processor/ledger/went-back.ts: how a ledger is found out whose database has lost commits (R17), and the mark that stops everybody then.
// A standby that lacked the last commits was promoted, or a backup was restored: what it says is older than what was decided and appended.

import { arrayParameter, int4 } from '../../shared/postgres/binary.ts';
import type { Client, Row } from '../../shared/postgres/database.ts';
import type { FenceStamp } from '../consumer-group.ts';
import type { CommittedOffsets, StockStep } from './ledger.ts';
import { FENCE_ALL, LOCK_LEDGER, MARK_WENT_BACK, READ_FENCES, READ_STAMPS } from './statements.ts';
import type { Reservation } from './stock.ts';

/** Whether the row says less than was committed. Absent: there is no row any more. */
export const isBehind = (row: FenceStamp | undefined, known: FenceStamp): boolean =>
  row === undefined || row.epoch < known.epoch || (row.epoch === known.epoch && row.sequence < known.sequence);

/** The start offsets and stamps of all partitions, by topic and partition. */
export type StoredStarts = ReadonlyMap<string, FenceStamp & { start_offset: number }>;

/** A copy is written after the commit that it is of: a ledger that is behind one has lost that commit. */
export const isBehindCopies = (stored: StoredStarts, committed: CommittedOffsets): boolean => {
  for (const [topic, copies] of committed) {
    for (const [partition, { offset, stamp }] of copies) {
      const row = stored.get(`${topic}/${partition}`);
      if ((row?.start_offset ?? 0) < offset || (stamp !== null && isBehind(row, stamp))) return true;
    }
  }
  return false;
};

/**
 * The order whose decision is missing: its OrderProcessing was in the log when the partition was taken over, and a processor appends that only
 * after it has committed the reservation. Null: none is. It tells also where the copies in Kafka have expired. A fact that another program
 * writes while a processor runs is not taken for that: it is written like any other (decision 22).
 */
export const lostDecision = (steps: readonly StockStep[], reservations: ReadonlyMap<string, Reservation>): string | null => {
  const missing = steps.find(({ do: what, orderId, version, takingOver }) => {
    if (what !== 'hold' || takingOver !== true) return false;
    const found = reservations.get(orderId);
    return found === undefined || (found.state === 'held' && found.version < version);
  });
  return missing?.orderId ?? null;
};

export const readStarts = async (client: Client): Promise<StoredStarts> => {
  const { rows } = await client.query<FenceStamp & { topic: string; partition: number; start_offset: number } & Row>(READ_STAMPS);
  return new Map(rows.map((row) => [`${row.topic}/${row.partition}`, row]));
};

// More claims than a lost stretch of time can have had: whoever owned a partition in it must not take the row for its own.
const EPOCHS_AHEAD = 1_000;

/** Sets the mark and fences everybody off, unless it was seen to already, or `isTrue` says that it is not so any more. In a transaction. */
export const markWentBack = async (client: Client, isTrue: () => Promise<boolean>): Promise<void> => {
  const { rows } = await client.query<{ complete: boolean; went_back: boolean }>(LOCK_LEDGER);
  if (rows[0]?.complete !== true || rows[0].went_back || !(await isTrue())) return;
  await client.query(MARK_WENT_BACK);
  await client.query(FENCE_ALL, [EPOCHS_AHEAD]);
};

export type OwnedRow = FenceStamp & { partition: number };

/** Whether the rows are, or are behind, what their owner has left there: nobody has claimed them or made them again since. */
export const areStillAsFound = async (client: Client, topic: string, owned: readonly OwnedRow[]): Promise<boolean> => {
  const partitions = owned.map(({ partition }) => partition);
  const { rows } = await client.query<OwnedRow & Row>(READ_FENCES, [topic, arrayParameter(int4, partitions)]);
  const found = new Map(rows.map((row) => [row.partition, row]));
  const isMine = ({ partition, epoch, sequence }: OwnedRow): boolean => {
    const row = found.get(partition);
    return row?.epoch === epoch && row.sequence === sequence;
  };
  return owned.some((each) => isBehind(found.get(each.partition), each)) || owned.every(isMine);
};
