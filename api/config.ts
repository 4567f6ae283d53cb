// api/config.ts: the api's variables.
// Defaults and their reasons stand in docs/configuration.md.

import { type Static, Type } from 'typebox';
import { PORT, SHARED_VARIABLES } from '../shared/runtime/config.ts';

export const API_CONFIG = Type.Object({
  ...SHARED_VARIABLES,
  PORT: PORT(8080),
  /** Whether orders of products that the catalogue does not know are taken. */
  CATALOG: Type.Union([Type.Literal('open'), Type.Literal('closed')], { default: 'open' }),
  /** How long a command waits for the processor's answer before it is 202. */
  DECISION_WAIT_MS: Type.Integer({ default: 5_000, minimum: 0, maximum: 60_000 }),
  /** Submissions are refused while this many orders are open (R13). */
  OPEN_ORDERS_MAX: Type.Integer({ default: 200_000, minimum: 1, maximum: 10_000_000 }),
  /** The tail holds reading back beyond this many orders, about 2 KB each (R13). Above OPEN_ORDERS_MAX, so that open ones always fit. */
  TAIL_MAX: Type.Integer({ default: 250_000, minimum: 1, maximum: 10_000_000 }),
  /** Orders and changes that this instance takes in a second; without it as many as there is room for. */
  ADMISSION_MAX_PER_SECOND: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
  /** No products are created beyond this many: every api holds all of them, 150 bytes each. */
  PRODUCTS_MAX: Type.Integer({ default: 200_000, minimum: 1, maximum: 10_000_000 }),
  ACCOUNTS_SCHEMA: Type.String({ default: 'accounts', pattern: '^[a-z_][a-z0-9_]{0,39}$' }),
  /** Signs tokens; the same on every instance. No default: see access/settings.ts. */
  JWT_SECRET: Type.String({ default: '' }),
  RATE_LIMIT_PER_SECOND: Type.Integer({ default: 200, minimum: 1, maximum: 1_000_000 }),
  CORS_ORIGINS: Type.String({ default: '' }),
  /** Addresses and networks of proxies, whose X-Forwarded-For says who calls. */
  TRUSTED_PROXIES: Type.String({ default: '' }),
});
export type ApiConfig = Readonly<Static<typeof API_CONFIG>>;
