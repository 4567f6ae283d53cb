// When a processor says that its ledger is away: readiness by what its calls were answered.

import { expect, it, vi } from 'vitest';
import { watchLedger } from '../../../../processor/ledger/ledger-watch.ts';
import { AppError } from '../../../../shared/runtime/app-error.ts';
import { createMemoryLedger, emptyTables } from '../../../support/in-memory/ledger.ts';

it('from the first call that the database does not answer until the next that it does', async () => {
  const answers = [() => Promise.reject(new AppError('DATABASE_UNAVAILABLE', 'gone')), () => Promise.resolve()];
  const memory = createMemoryLedger(emptyTables());
  const { ledger, check } = watchLedger({ ...memory, moveStarts: () => answers.shift()!() });
  expect(check()).toBeNull();
  await expect(ledger.moveStarts('orders', new Map())).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  expect(check()).toMatch(/does not answer/);
  await ledger.moveStarts('orders', new Map());
  expect(check()).toBeNull();
});

it('when a call has had no answer for ten seconds, although nothing failed', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  try {
    const hanging = Promise.withResolvers<void>();
    const { ledger, check } = watchLedger({ ...createMemoryLedger(emptyTables()), moveStarts: () => hanging.promise });
    const call = ledger.moveStarts('orders', new Map());
    vi.advanceTimersByTime(9_000);
    expect(check()).toBeNull();
    vi.advanceTimersByTime(2_000);
    expect(check()).toMatch(/10 s/);
    hanging.resolve();
    await call;
    expect(check()).toBeNull();
  } finally {
    vi.useRealTimers();
  }
});
