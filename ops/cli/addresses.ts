// ops/cli/addresses.ts: where the operator's tools find the log and the database.
// In the environment, as the roles do, else where `npm start` has noted what it started.

import { readFileSync } from 'node:fs';
import { type Static, Type } from 'typebox';
import { API_CONFIG } from '../../api/config.ts';
import { AppError } from '../../shared/runtime/app-error.ts';
import { KAFKA_SECURITY_VARIABLES, parseConfig, SHARED_VARIABLES } from '../../shared/runtime/config.ts';

const { KAFKA_BROKERS, DATABASE_URL, ORDERS_TOPIC, ORDERS_PARTITIONS, PRODUCTS_TOPIC, PRODUCTS_PARTITIONS } = SHARED_VARIABLES;
const { KAFKA_REPLICATION_FACTOR, KAFKA_MIN_INSYNC_REPLICAS, READ_MODEL_SCHEMA, LEDGER_SCHEMA } = SHARED_VARIABLES;
const { ACCOUNTS_SCHEMA } = API_CONFIG.properties;
const VARIABLES = Type.Object({
  KAFKA_BROKERS,
  ...KAFKA_SECURITY_VARIABLES,
  DATABASE_URL,
  ORDERS_TOPIC,
  ORDERS_PARTITIONS,
  PRODUCTS_TOPIC,
  PRODUCTS_PARTITIONS,
  KAFKA_REPLICATION_FACTOR,
  KAFKA_MIN_INSYNC_REPLICAS,
  READ_MODEL_SCHEMA,
  LEDGER_SCHEMA,
  ACCOUNTS_SCHEMA,
});

export type Addresses = Readonly<Static<typeof VARIABLES>>;

/** An empty variable counts as unset. Throws CONFIG_INVALID, with one sentence that says what to do. */
export const findAddresses = (env: NodeJS.ProcessEnv, runFile: string): Addresses => {
  const given = Object.fromEntries(Object.entries(env).filter(([name, value]) => name in VARIABLES.properties && value !== ''));
  return parseConfig(VARIABLES, { ...(given.KAFKA_BROKERS && given.DATABASE_URL ? {} : running(runFile)), ...given });
};

const running = (runFile: string): Record<string, string> => {
  try {
    const { kafka, database } = JSON.parse(readFileSync(runFile, 'utf8')) as { kafka: string; database: string };
    return { KAFKA_BROKERS: kafka, DATABASE_URL: database };
  } catch {
    throw new AppError('CONFIG_INVALID', 'Nothing is running here: run `npm start` first, or set KAFKA_BROKERS and DATABASE_URL.');
  }
};
