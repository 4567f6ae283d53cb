// R17: a ledger that lost commits is made again without a person, once at a time, and only as long as that may succeed.

import { expect, it } from 'vitest';
import { createLedgerRepair, type LedgerRepairOptions } from '../../../../processor/ledger/repair-ledger.ts';
import { AppError } from '../../../../shared/runtime/app-error.ts';
import { createLogger } from '../../../../shared/runtime/logger.ts';

let repaired = 0;
const onRepaired = (): void => {
  repaired += 1;
};
const repairBy = (rebuild: LedgerRepairOptions['rebuild']) =>
  createLedgerRepair({ rebuild, onRepaired, logger: createLogger('test', 'silent') });
const MADE = { events: 5, products: 1, reservations: 2, kept: null };

it('is one attempt for all that ask meanwhile, and says how far it is', async () => {
  const made = Promise.withResolvers<typeof MADE>();
  let attempts = 0;
  const { repair, progress } = repairBy((onProgress) => {
    attempts += 1;
    onProgress({ done: 2, total: 5 });
    return made.promise;
  });
  expect(progress()).toBeNull();
  const both = Promise.all([repair(), repair()]);
  expect(progress()).toBe('reading 2 of 5 events of the log again');
  made.resolve(MADE);
  await both;
  expect([attempts, repaired]).toEqual([1, 1]);
  expect(progress()).toBeNull();
  await repair();
  expect(attempts).toBe(2);
});

it.each(['MAINTENANCE_RUNNING', 'DATABASE_UNAVAILABLE', 'LOG_UNAVAILABLE'] as const)('waits for what passes: %s', async (code) => {
  const { repair, progress } = repairBy(() => Promise.reject(new AppError(code, 'told to be')));
  await expect(repair()).resolves.toBeUndefined();
  expect(progress()).toBeNull();
});

it.each(['LOG_MISMATCH', 'LOG_GAP'] as const)('leaves to a person what only a person can mend: %s', async (code) => {
  const { repair } = repairBy(() => Promise.reject(new AppError(code, 'told to be')));
  await expect(repair()).rejects.toMatchObject({ code });
});
