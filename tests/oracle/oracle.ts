// tests/oracle/oracle.ts: collects the three records of a system that is coming to rest, and judges them.

import { setTimeout as delay } from 'node:timers/promises';
import { unfinished } from './checks/check-commands.ts';
import { compare, type Evidence, type Ledger } from './compare.ts';
import { readDatabase } from './database.ts';
import { foldOrders } from './fold.ts';
import type { JournalEntry } from './journal.ts';
import { readTopic } from './raw-log.ts';

/** Where a system keeps what. Address the broker and the database themselves, not through anything that may be broken. */
export interface Whereabouts {
  kafka: string;
  database: string;
  ordersTopic: string;
  productsTopic: string;
  readModelSchema: string;
  ledgerSchema: string;
}

const POLL_MS = 300;

/**
 * Resolves once nothing is under way any more: every order ended or parked, every request answered, all of it in PostgreSQL, and
 * the reservations settled. At the limit it resolves with what there is: the comparison says what is missing.
 */
export const evidenceAtRest = async (
  where: Whereabouts,
  journal: readonly JournalEntry[],
  { timeoutMs }: { timeoutMs: number },
): Promise<Evidence> => {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const orders = await readTopic(where.kafka, where.ordersTopic);
    const products = await readTopic(where.kafka, where.productsTopic);
    const database = await readDatabase(where.database, { readModel: where.readModelSchema, ledger: where.ledgerSchema });
    const evidence = { journal, orders, products, database };
    if (isAtRest(evidence) || Date.now() >= deadline) return evidence;
    await delay(POLL_MS);
  }
};

/** `evidenceAtRest`, judged. */
export const judge = async (where: Whereabouts, journal: readonly JournalEntry[], limit: { timeoutMs: number }): Promise<Ledger> =>
  compare(await evidenceAtRest(where, journal, limit));

const isAtRest = ({ orders, database }: Evidence): boolean => {
  const folded = foldOrders(orders);
  const left = unfinished(folded);
  const holding = [...folded.orders.values()].filter(({ status, reserved }) => status === 'processing' && reserved.length > 0);
  return (
    left.orders.length === 0 &&
    left.requests.length === 0 &&
    database.archive.length >= orders.length &&
    database.held.length === holding.length
  );
};
