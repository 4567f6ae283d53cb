// ops/drill/cases/lost-env.ts: .env is gone, and with it the secret that tokens are signed with.

import { randomBytes } from 'node:crypto';
import type { DrillCase } from '../drill.ts';
import { whileStopped } from '../steps.ts';

const newSecret = (): string => randomBytes(48).toString('base64url');

export const lostEnv: DrillCase = {
  name: 'lost-env',
  loss: 'the file .env: the secret of the tokens; another one is made',
  section: 'env-is-lost',
  env: { AUTH: 'required', JWT_SECRET: newSecret() },
  fault: (stack) => whileStopped(stack, () => stack.setEnv({ JWT_SECRET: newSecret() })),
  sees: /a client: 401/,
  recover: async (stack, caller) => caller.signIn(await stack.ready()),
  lostForGood: null,
};
