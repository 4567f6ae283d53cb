// shared/runtime/config.ts: a process's variables, parsed once against one schema. Every bad variable is reported in one
// message; the result is frozen and passed down. Only main.ts files call this.

import envSchema from 'env-schema';
import { type Static, type TObject, Type } from 'typebox';
import { AppError } from './app-error.ts';

/** A TCP port; 0 takes any free one. */
export const PORT = (fallback: number) => Type.Integer({ minimum: 0, maximum: 65_535, default: fallback });

/** How Kafka is reached: shared/log/connect/connection.ts. The database's TLS stands in DATABASE_URL. */
export const KAFKA_SECURITY_VARIABLES = {
  KAFKA_TLS: Type.Union([Type.Literal('off'), Type.Literal('on')], { default: 'off' }),
  KAFKA_CA_FILE: Type.String({ default: '', description: 'PEM; without it the authorities that Node knows.' }),
  KAFKA_CERT_FILE: Type.String({ default: '', description: 'PEM, for brokers that ask clients for a certificate.' }),
  KAFKA_KEY_FILE: Type.String({ default: '', description: 'PEM, the key of that certificate.' }),
  KAFKA_SASL_MECHANISM: Type.Union(
    [Type.Literal(''), Type.Literal('PLAIN'), Type.Literal('SCRAM-SHA-256'), Type.Literal('SCRAM-SHA-512')],
    { default: '' },
  ),
  KAFKA_SASL_USERNAME: Type.String({ default: '' }),
  KAFKA_SASL_PASSWORD: Type.String({ default: '' }),
};
const KAFKA_SECURITY = Type.Object(KAFKA_SECURITY_VARIABLES);
export type KafkaSecurity = Readonly<Static<typeof KAFKA_SECURITY>>;

/** What every role needs. Each variable has its row in docs/configuration.md. */
export const SHARED_VARIABLES = {
  KAFKA_BROKERS: Type.String({ minLength: 3, description: 'Bootstrap list, host:port separated by commas.' }),
  ...KAFKA_SECURITY_VARIABLES,
  DATABASE_URL: Type.String({ minLength: 10, description: 'postgres:// URL.' }),
  HOST: Type.String({ default: '127.0.0.1', description: 'Address to listen on; with AUTH=off loopback only.' }),
  AUTH: Type.Union([Type.Literal('off'), Type.Literal('required')], { default: 'required' }),
  METRICS_TOKEN: Type.String({ default: '', pattern: '^(|[\\x21-\\x7e]{16,200})$', description: 'Opens /metrics with AUTH=required.' }),
  LOG_LEVEL: Type.Union(
    [Type.Literal('debug'), Type.Literal('info'), Type.Literal('warn'), Type.Literal('error'), Type.Literal('silent')],
    { default: 'info' },
  ),
  ORDERS_TOPIC: Type.String({ default: 'orders', pattern: '^[A-Za-z0-9._-]{1,200}$' }),
  ORDERS_PARTITIONS: Type.Integer({ default: 12, minimum: 1, maximum: 1000 }),
  PRODUCTS_TOPIC: Type.String({ default: 'products', pattern: '^[A-Za-z0-9._-]{1,200}$' }),
  PRODUCTS_PARTITIONS: Type.Integer({ default: 12, minimum: 1, maximum: 1000 }),
  KAFKA_REPLICATION_FACTOR: Type.Integer({ default: 1, minimum: 1, maximum: 32 }),
  KAFKA_MIN_INSYNC_REPLICAS: Type.Integer({ default: 1, minimum: 1, maximum: 32 }),
  READ_MODEL_SCHEMA: Type.String({ default: 'read_model', pattern: '^[a-z_][a-z0-9_]{0,39}$' }),
  LEDGER_SCHEMA: Type.String({ default: 'ledger', pattern: '^[a-z_][a-z0-9_]{0,39}$' }),
  CURRENCY: Type.String({ default: 'USD', pattern: '^[A-Z]{3}$' }),
};

/** Parses `source` (usually process.env) against `schema`. Throws CONFIG_INVALID naming every variable that is wrong. */
export const parseConfig = <T extends TObject>(schema: T, source: Record<string, string | undefined>): Readonly<Static<T>> => {
  try {
    const config = envSchema<Static<T>>({ schema, data: source, dotenv: false, env: false });
    return Object.freeze(config);
  } catch (error) {
    throw new AppError('CONFIG_INVALID', `The configuration is not valid: ${readable((error as Error).message)}.`, error);
  }
};

/** The validator calls the variables `env`: `env/PORT must be <= 65535, env must have required property 'KAFKA_BROKERS'`. */
const readable = (message: string): string =>
  message.replaceAll(/env must have required property '(\w+)'/g, '$1 is missing').replaceAll(/\benv\/(\w+)/g, '$1');

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);
export const isLoopback = (host: string): boolean => LOOPBACK.has(host);

/** Without access control a process listens to this machine only. */
export const refuseUnprotected = (config: { AUTH: string; HOST: string }): void => {
  if (config.AUTH === 'off' && !isLoopback(config.HOST)) {
    throw new AppError('CONFIG_INVALID', `AUTH=off serves loopback only: set HOST=127.0.0.1 instead of ${config.HOST}.`);
  }
};
