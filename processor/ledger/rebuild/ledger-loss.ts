// processor/ledger/rebuild/ledger-loss.ts: what the old ledger has read from the log and the log has no more (R18).
// Pure: it compares the old tables with the fold of the log as it is now.

import { AppError } from '../../../shared/runtime/app-error.ts';
import type { Refold } from './refold.ts';

/** What the tables say of facts that some processor has read from the log. */
export interface ReadBefore {
  products: readonly { product_id: string; read_version: number }[];
  /** Requests whose answers were read. */
  answered: readonly string[];
  /** Order ids. */
  reservations: readonly string[];
  /** Where owners start, by the ledger and by Kafka's copies of it: no start lies beyond what its owner has read. */
  starts: readonly { topic: string; partition: number; offset: number }[];
}

export interface LedgerLoss {
  products: number;
  reservations: number;
  answers: number;
  /** How many records the processors had at least read that lie beyond the log's end. */
  records: number;
}

/** Null: the log has all of it. `endOf`: where a partition ends now; 0 where the topic is not there. */
export const ledgerLoss = (before: ReadBefore, refold: Refold, endOf: (topic: string, partition: number) => number): LedgerLoss | null => {
  const answers = new Set(refold.answers().map(({ answer }) => answer.requestId));
  const orders = refold.orders();
  const starts = new Map(before.starts.map(({ topic, partition }) => [`${topic}/${partition}`, 0]));
  for (const { topic, partition, offset } of before.starts) {
    const key = `${topic}/${partition}`;
    starts.set(key, Math.max(starts.get(key)!, offset - endOf(topic, partition)));
  }
  const loss = {
    products: before.products.filter(({ product_id: id, read_version: read }) => (refold.productNow(id)?.version ?? 0) < read).length,
    reservations: before.reservations.filter((id) => !orders.has(id)).length,
    answers: before.answered.filter((id) => !answers.has(id)).length,
    records: [...starts.values()].reduce((sum, beyond) => sum + beyond, 0),
  };
  return loss.products + loss.reservations + loss.answers + loss.records === 0 ? null : loss;
};

export const ledgerLossSentence = ({ products, reservations, answers, records }: LedgerLoss): string => {
  const rows = [counted(products, 'product'), counted(reservations, 'reservation'), counted(answers, 'answer')].join(', ');
  const beyond = records === 0 ? '' : ` Processors have read at least ${counted(records, 'record')} beyond where the log ends now.`;
  return `Of the stock ledger ${rows} are here and not in the log.${beyond}`;
};

export const ledgerLossNotAccepted = (loss: LedgerLoss, schema: string): AppError =>
  new AppError(
    'LOSS_NOT_ACCEPTED',
    `${ledgerLossSentence(loss)} Nothing was changed. With --accept-loss it is rebuilt without them, and a copy of ${schema} as it is now is kept ` +
      'beside it. What to do first: docs/recovery.md#the-stock-ledger-has-what-the-log-has-not.',
  );

const counted = (value: number, noun: string): string => `${value.toLocaleString('en-US')} ${noun}${value === 1 ? '' : 's'}`;
