// R17: rows of another log are never answered from, neither at the start nor when the read model is replaced under a running api.

import { expect, it } from 'vitest';
import { created, T0 } from '../../../support/builders/order-events.ts';
import { eventually } from '../../../support/eventually.ts';
import { startApiInMemory } from '../../../support/in-memory/api.ts';

const MISMATCH = { code: 'LOG_MISMATCH' };

it('does not start on rows of another log, and answers nothing', async () => {
  const api = await startApiInMemory({ start: false });
  api.log.landEvent(created('a', {}, { time: T0 }));
  api.readModel.catchUp();
  api.log.isAnother = true;
  await expect(api.tail.start()).rejects.toMatchObject(MISMATCH);
  expect(api.tail.isSeeded()).toBe(false);
  expect((await api.get('/orders/a')).statusCode).toBe(503);
  await api.stop();
});

it('ends when the read model is replaced by one of another log, and takes nothing from it', async () => {
  const api = await startApiInMemory();
  api.log.landEvent(created('a', {}, { time: T0 }));
  await api.caughtUp();
  api.readModel.catchUp();
  await eventually(() => api.log.records.every((records, partition) => api.tail.checkpoint(partition) === records.length), {
    what: 'the tail to notice the checkpoint',
  });
  api.log.isAnother = true;
  api.readModel.wipe();
  await eventually(() => api.fatal.length > 0, { what: 'the end' });
  expect(api.fatal[0]).toMatchObject(MISMATCH);
  expect(api.tail.get('a')?.order.status).toBe('pending');
  await api.stop();
});

it('does not start with a catalogue that the ledger has of another log', async () => {
  const api = await startApiInMemory({ start: false });
  api.productLog.isAnother = true;
  await expect(api.catalogue.start()).rejects.toMatchObject(MISMATCH);
  expect(api.catalogue.check()).toContain('has not read all');
  await api.stop();
});
