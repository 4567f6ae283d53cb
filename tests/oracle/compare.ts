// tests/oracle/compare.ts: the oracle. Three records that were made independently (what the client was told, what the log holds,
// what PostgreSQL shows) are compared; nothing of the product is used. Pure.

import { checkCommands } from './checks/check-commands.ts';
import { checkDatabase } from './checks/check-database.ts';
import { checkFrames, checkReads } from './checks/check-seen.ts';
import { checkStock } from './checks/check-stock.ts';
import { checkSubmissions } from './checks/check-submissions.ts';
import type { DatabaseState } from './database.ts';
import { createFindings } from './findings.ts';
import { foldOrders, isOpen } from './fold.ts';
import type { JournalEntry } from './journal.ts';
import type { RawRecord } from './protocol/batch.ts';

export interface Evidence {
  journal: readonly JournalEntry[];
  /** By partition and offset, both. */
  orders: readonly RawRecord[];
  products: readonly RawRecord[];
  database: DatabaseState;
  /** The ledger lost commits: more may be promised than there is. */
  mayOversell?: boolean;
}

/** accepted = completed + cancelled + rejected + open + lost. Parked orders are among the open ones. */
export interface Ledger {
  accepted: number;
  completed: number;
  cancelled: number;
  rejected: number;
  open: number;
  parked: number;
  /** Submissions of unknown outcome that made an order, and those that did not. */
  unknownLanded: number;
  unknownAbsent: number;
  requests: number;
  lost: number;
  doubled: number;
  reordered: number;
  /** Units that are promised or sold beyond what was put in. */
  oversold: number;
  /** Facts that arbitration passed over: no violation. */
  void: number;
  records: number;
  violations: string[];
}

/** For a system at rest: what is still under way counts as a violation. */
export const compare = ({ journal, orders: records, products, database, mayOversell = false }: Evidence): Ledger => {
  const findings = createFindings();
  const entries = <K extends JournalEntry['kind']>(kind: K) =>
    journal.filter((entry): entry is Extract<JournalEntry, { kind: K }> => entry.kind === kind);
  const folded = foldOrders(records);
  const submitted = checkSubmissions(entries('submission'), folded, findings);
  const requests = checkCommands(entries('command'), folded, findings);
  checkReads(entries('read'), findings);
  checkFrames(entries('frame'), findings);
  checkDatabase(database, folded, findings);
  const oversold = checkStock(products, folded, database, findings);
  if (!mayOversell) for (const [id, units] of oversold) findings.find('stock', `product ${id} is oversold by ${units}`);
  for (const order of folded.orders.values()) {
    if (isOpen(order) && !order.parked) findings.find('stuck', `order ${order.orderId} is ${order.status}`);
  }
  const count = (status: string) => submitted.orders.filter((order) => order.status === status).length;
  return {
    accepted: submitted.accepted,
    completed: count('completed'),
    cancelled: count('cancelled'),
    rejected: count('rejected'),
    open: submitted.orders.filter(isOpen).length,
    parked: submitted.orders.filter(({ parked }) => parked).length,
    unknownLanded: submitted.unknownLanded,
    unknownAbsent: submitted.unknownAbsent,
    requests,
    lost: findings.count('lost'),
    doubled: findings.count('doubled'),
    reordered: findings.count('reordered'),
    oversold: [...oversold.values()].reduce((sum, units) => sum + units, 0),
    void: folded.verdicts.filter(({ effect }) => effect === 'void').length,
    records: records.length,
    violations: findings.found.map(({ violation, what }) => `${violation}: ${what}`),
  };
};
