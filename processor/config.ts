// processor/config.ts: the processor's variables. Defaults and their reasons stand in the README's configuration table.

import { type Static, Type } from 'typebox';
import { PORT, SHARED_VARIABLES } from '../shared/runtime/config.ts';

export const PROCESSOR_CONFIG = Type.Object({
  ...SHARED_VARIABLES,
  PROCESSOR_PORT: PORT(9101),
  PROCESSING_TIME_MS: Type.Integer({ default: 2000, minimum: 0, maximum: 86_400_000 }),
  PROCESSOR_CONCURRENCY: Type.Integer({ default: 10_000, minimum: 1, maximum: 1_000_000 }),
});
export type ProcessorConfig = Readonly<Static<typeof PROCESSOR_CONFIG>>;
