// processor/ledger/connect-ledger.ts: composes the ledger of a processor: its connections, its schema, its claims.

import { randomUUIDv7 } from 'node:crypto';
import type { LogClient } from '../../shared/log/connect/client.ts';
import { createCheckMarks } from '../../shared/log/read/check-marks.ts';
import { openDatabase } from '../../shared/postgres/database.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { HealthCheck } from '../../shared/runtime/health.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import { startsInKafka } from '../consumer-group.ts';
import { type Claims, createClaims } from './claims.ts';
import type { Ledger } from './ledger.ts';
import { watchLedger } from './ledger-watch.ts';
import { openLedger } from './open-ledger.ts';
import { createPostgresLedger, LEDGER_SETTINGS } from './postgres-ledger.ts';
import type { LedgerTopics } from './rebuild/read-log.ts';
import { rebuildLedger } from './rebuild/rebuild.ts';
import { createLedgerRepair, type LedgerRepairOptions } from './repair-ledger.ts';

export interface ConnectLedgerOptions {
  databaseUrl: string;
  schema: string;
  client: LogClient;
  /** The topics that the ledger follows from, which exist. */
  topics: LedgerTopics;
  onRepaired: LedgerRepairOptions['onRepaired'];
  clock: Clock;
  logger: Logger;
}

export interface ConnectedLedger {
  ledger: Ledger;
  /** Whether the database answers. */
  check: HealthCheck;
  claimsOf: (topic: string) => Claims;
  end: () => Promise<void>;
}

// One for the transactions, which follow one another, one for what is read beside them.
const CONNECTIONS_MAX = 2;
// The tables are small, but an instance that starts meanwhile waits for the one that migrates them.
const OPENING_MAX_MS = 600_000;

/** Owns its connections until `end`. */
export const connectLedger = async (options: ConnectLedgerOptions): Promise<ConnectedLedger> => {
  const { client, clock, logger } = options;
  const topics = Object.values(options.topics);
  const where = { url: options.databaseUrl, schema: options.schema, applicationName: 'processor-ledger' };
  const opening = openDatabase({ ...where, maxConnections: 1, statementTimeoutMs: OPENING_MAX_MS });
  await openLedger({ database: opening, client, topics }).finally(opening.end);
  const database = openDatabase({
    ...where,
    maxConnections: CONNECTIONS_MAX,
    settings: LEDGER_SETTINGS,
    onError: (error) => logger.warn({ reason: error.message }, 'connections to the database were lost; new ones are opened as needed'),
  });
  const { ledger, check } = watchLedger(createPostgresLedger(database, { newId: randomUUIDv7, now: clock.now }));
  const { databaseUrl, schema } = options;
  const rebuild: LedgerRepairOptions['rebuild'] = (onProgress) =>
    rebuildLedger({ client, topics: options.topics, databaseUrl, schema, onProgress });
  const repair = createLedgerRepair({ rebuild, onRepaired: options.onRepaired, logger });
  const claimsOf = (topic: string): Claims =>
    createClaims({
      ledger,
      topic,
      committedOffsets: () => startsInKafka(client, topics),
      checkMarks: createCheckMarks(client, topic, 'The stock ledger'),
      repair,
      clock,
      logger,
    });
  return { ledger, check, claimsOf, end: database.end };
};
