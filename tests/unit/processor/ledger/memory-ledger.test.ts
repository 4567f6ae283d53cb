// The ledger that simulations use keeps what the one in PostgreSQL promises.

import { ledgerContract } from '../../../integration/processor/ledger-contract.ts';
import { createMemoryLedger, emptyTables } from '../../../support/in-memory/ledger.ts';

ledgerContract('in memory', async () => {
  const tables = emptyTables();
  return {
    process: () => createMemoryLedger(tables),
    setComplete: async (complete) => {
      tables.complete = complete;
    },
    backup: async () => {
      const older = structuredClone(tables);
      return async () => void Object.assign(tables, older);
    },
    repaired: async () => {
      tables.wentBack = false;
    },
    counts: async (id) => {
      const known = tables.products.get(id);
      return known && { put_in: known.product?.putIn ?? 0, reserved: known.reserved, sold: known.sold };
    },
  };
});
