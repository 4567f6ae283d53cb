// projector/loss/log-loss.ts: what the read model has and the log has not: the last copy, which no repair may destroy (R18).
// Pure: checkpoints, records and rows come in, numbers and a sentence come out.

import type { LogRecord } from '../../shared/log/log.ts';
import { type ArchiveRow, storedBytes } from '../../shared/postgres/tables/archive-rows.ts';
import type { Checkpoint } from '../../shared/postgres/tables/checkpoints.ts';
import type { OrderRow } from '../../shared/postgres/tables/order-rows.ts';
import { AppError } from '../../shared/runtime/app-error.ts';
import { createDigestSet } from '../restore/digest-set.ts';

/** The topic is empty and another one · another one · without its first records · shorter, or grown again after it was shorter. */
export type LossKind = 'log-lost' | 'another-log' | 'beginning-lost' | 'end-lost';

/** The log as it is now, of one partition. */
export interface LogNow {
  topicId: string;
  low: number;
  high: number;
  /** ce_id of the record before the checkpoint; null where there is none, or it could not be read. */
  eventBefore: string | null;
}

export interface LogLoss {
  kind: LossKind;
  /** Orders here whose creation is not in the log. */
  orders: number;
  /** Archived records that are not in the log, at any offset of their partition. */
  records: number;
  /** Orders that the log has, but not with all of their records. */
  ordersInPart: number;
  /** The offset below which records are gone that are not here either, in at least one partition; 0: nothing says so. */
  unknownBelow: number;
}

/**
 * Why the log may lack what these rows were made from; null: it is the log that the checkpoint saw, and whole up to there. A record
 * before the checkpoint that could not be decoded has no id, and says nothing: then records must be compared.
 */
export const suspicionOf = ({ nextOffset, topicId, lastEventId }: Checkpoint, log: LogNow): LossKind | null => {
  if (log.low > 0) return 'beginning-lost';
  if (nextOffset === 0) return null;
  if (log.topicId !== topicId) return log.high === 0 ? 'log-lost' : 'another-log';
  if (log.high < nextOffset) return 'end-lost';
  return lastEventId !== null && log.eventBefore === lastEventId ? null : 'end-lost';
};

export type Missing = Pick<LogLoss, 'orders' | 'records' | 'ordersInPart'>;

/** Of one partition: all of the log first, then all that is here. Needs memory for the log's records, some 40 bytes each. */
export interface Comparison {
  inLog: (record: LogRecord) => void;
  archived: (row: Pick<ArchiveRow, 'order_id' | 'key' | 'headers' | 'value'>) => void;
  order: (row: Pick<OrderRow, 'order_id' | 'created_event_id'>) => void;
  missing: () => Missing;
}

/** Records are the same by their bytes, wherever they stand: what was appended again after a loss is there again. */
export const createComparison = (): Comparison => {
  const bytes = createDigestSet(Infinity);
  const ids = new Set<string>();
  const lost = new Set<string>();
  const incomplete = new Set<string>();
  let records = 0;
  return {
    inLog: (record) => {
      bytes.add(storedBytes(record));
      const id = record.headers.ce_id;
      if (id !== undefined && record.headers.ce_type?.includes('OrderCreated')) ids.add(id.toString('utf8'));
    },
    archived: (row) => {
      if (bytes.has(row)) return;
      records += 1;
      if (row.order_id !== null) incomplete.add(row.order_id);
    },
    order: ({ order_id: id, created_event_id: eventId }) => {
      if (!ids.has(eventId)) lost.add(id);
    },
    missing: () => ({ orders: lost.size, records, ordersInPart: [...incomplete].filter((id) => !lost.has(id)).length }),
  };
};

/** Kinds in the order in which they explain the others. */
const KINDS: readonly LossKind[] = ['log-lost', 'another-log', 'beginning-lost', 'end-lost'];

/** Null: whatever was suspected, all that is here is in the log, and the log has its beginning. */
export const lossOf = (suspected: readonly LossKind[], missing: readonly Missing[], unknownBelow: number): LogLoss | null => {
  const kinds = suspected.includes('another-log') ? suspected.filter((kind) => kind !== 'log-lost') : suspected;
  const kind = KINDS.find((each) => kinds.includes(each));
  const sum = (of: keyof Missing): number => missing.reduce((total, each) => total + each[of], 0);
  const loss = { orders: sum('orders'), records: sum('records'), ordersInPart: sum('ordersInPart'), unknownBelow };
  return kind === undefined || loss.orders + loss.records + unknownBelow === 0 ? null : { kind, ...loss };
};

const WHY: Readonly<Record<LossKind, (topic: string) => string>> = {
  'log-lost': (topic) => `the topic ${topic} was made anew and is empty`,
  'another-log': (topic) => `the topic ${topic} is another one than these rows were made from`,
  'beginning-lost': (topic) => `the topic ${topic} has lost its beginning`,
  'end-lost': (topic) => `the topic ${topic} has lost its end`,
};

const SECTION: Readonly<Record<LossKind, string>> = {
  'log-lost': 'the-log-is-lost',
  'another-log': 'another-log',
  'beginning-lost': 'the-beginning-of-the-log-is-lost',
  'end-lost': 'the-end-of-the-log-is-lost',
};

/** The section of the page that says what to do. */
export const recoveryOf = ({ kind }: LogLoss): string => `docs/recovery.md#${SECTION[kind]}`;

/** What is here and not in the log, with numbers: one sentence, or two. */
export const lossSentence = (loss: LogLoss, topic: string): string => {
  const { kind, orders, records, ordersInPart, unknownBelow } = loss;
  const partly = ordersInPart === 0 ? '' : ` Of ${counted(ordersInPart, 'more order')} the log has only a part.`;
  const unknown = unknownBelow === 0 ? '' : ` What stood below offset ${number(unknownBelow)} is not here either.`;
  const here = `${counted(orders, 'order')} and ${counted(records, 'record')}`;
  return `${here} are here and not in the log: ${WHY[kind](topic)}.${partly}${unknown}`;
};

export const lossNotAccepted = (loss: LogLoss, topic: string, whatNext: string): AppError =>
  new AppError('LOSS_NOT_ACCEPTED', `${lossSentence(loss, topic)} ${whatNext} What to do first: ${recoveryOf(loss)}.`);

const number = (value: number): string => value.toLocaleString('en-US');
const counted = (value: number, noun: string): string => `${number(value)} ${noun}${value === 1 ? '' : 's'}`;
