// ops/drill/cases/lost-accounts.ts: the accounts are gone; nothing of them is in the log, on purpose.

import { randomBytes } from 'node:crypto';
import type { DrillCase } from '../drill.ts';
import { dropSchemas } from '../faults/drop-schemas.ts';

export const lostAccounts: DrillCase = {
  name: 'lost-accounts',
  loss: 'the schema accounts: users, passwords, api clients',
  section: 'the-accounts-are-lost',
  env: { AUTH: 'required', JWT_SECRET: randomBytes(48).toString('base64url') },
  fault: (stack) => dropSchemas(stack.addresses().database, ['accounts']),
  sees: /a client: [45]/,
  recover: async (stack, caller) => {
    const api = await stack.ready();
    await caller.create(stack);
    await caller.signIn(api);
  },
  lostForGood: null,
};
