// processor/config.ts: the processor's variables.
// Defaults and their reasons stand in docs/configuration.md.

import { type Static, Type } from 'typebox';
import { PORT, SHARED_VARIABLES } from '../shared/runtime/config.ts';

const TEN_YEARS_MS = 315_360_000_000;

export const PROCESSOR_CONFIG = Type.Object({
  ...SHARED_VARIABLES,
  PROCESSOR_PORT: PORT(9101),
  PROCESSING_TIME_MS: Type.Integer({ default: 2000, minimum: 0, maximum: TEN_YEARS_MS }),
  /** R12: the start offset passes an order that has been open for this long; its fold is carried in the ledger. */
  CARRY_AFTER_MS: Type.Integer({ default: 600_000, minimum: 0, maximum: 86_400_000 }),
  PROCESSOR_CONCURRENCY: Type.Integer({ default: 10_000, minimum: 1, maximum: 1_000_000 }),
  FULFILMENT: Type.Union([Type.Literal('timed'), Type.Literal('http')], { default: 'timed' }),
  FULFILMENT_URL: Type.String({ default: '', pattern: '^(|https?://\\S{1,2000})$' }),
  FULFILMENT_DEADLINE_MS: Type.Integer({ default: 604_800_000, minimum: 1, maximum: TEN_YEARS_MS }),
  FULFILMENT_TIMEOUT_MS: Type.Integer({ default: 5000, minimum: 10, maximum: 600_000 }),
  FULFILMENT_CONNECTIONS_MAX: Type.Integer({ default: 64, minimum: 1, maximum: 10_000 }),
  FULFILMENT_ATTEMPTS_MAX: Type.Integer({ default: 10, minimum: 1, maximum: 1000 }),
  FULFILMENT_RETRY_MIN_MS: Type.Integer({ default: 500, minimum: 1, maximum: 3_600_000 }),
  FULFILMENT_RETRY_MAX_MS: Type.Integer({ default: 60_000, minimum: 1, maximum: 86_400_000 }),
});
export type ProcessorConfig = Readonly<Static<typeof PROCESSOR_CONFIG>>;
