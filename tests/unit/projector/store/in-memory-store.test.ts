// The in-memory store keeps the promises of the real one, or the fast tests would prove nothing.

import { storeContract } from '../../../integration/projector/store-contract.ts';
import { createInMemoryStore } from '../../../support/in-memory/store.ts';

storeContract('in memory', async () => {
  const store = createInMemoryStore();
  return { store, tables: async () => store.tables() };
});
