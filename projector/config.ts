// projector/config.ts: the projector's variables.
// Defaults and their reasons stand in docs/configuration.md.

import { type Static, Type } from 'typebox';
import { PORT, SHARED_VARIABLES } from '../shared/runtime/config.ts';

export const PROJECTOR_CONFIG = Type.Object({
  ...SHARED_VARIABLES,
  PROJECTOR_PORT: PORT(9102),
  PROJECTOR_COMMIT_GAP_MS: Type.Integer({ default: 40, minimum: 0, maximum: 1000 }),
});
export type ProjectorConfig = Readonly<Static<typeof PROJECTOR_CONFIG>>;
