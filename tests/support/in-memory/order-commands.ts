// tests/support/in-memory/order-commands.ts: commands against a log in memory, whose answers the test gives itself.

import { expect } from 'vitest';
import { decodeOrderEvent } from '../../../shared/log/codec/order-codec.ts';
import type { OrderRequest } from '../../../shared/order/events.ts';
import { eventually } from '../eventually.ts';
import { type InMemoryApi, type InMemoryOptions, startApiInMemory } from './api.ts';

/** A test with an api of its own, in which nothing was fatal. */
export const withApi = (work: (api: InMemoryApi) => Promise<void>, options?: InMemoryOptions) => async (): Promise<void> => {
  const api = await startApiInMemory(options);
  await work(api);
  await api.stop();
  expect(api.fatal).toEqual([]);
};

export const requests = (api: InMemoryApi): OrderRequest[] =>
  api.log.records.flat().flatMap((record) => {
    const decoded = decodeOrderEvent(record);
    return decoded.ok && decoded.event.kind === 'request' ? [decoded.event] : [];
  });

/** The first request, once there is one. */
export const requested = async (api: InMemoryApi): Promise<OrderRequest> => {
  await eventually(() => requests(api).length > 0, { what: 'a request in the log' });
  return requests(api)[0]!;
};

/** Resolves when the tail has read them. */
export const land = (api: InMemoryApi, ...events: Parameters<InMemoryApi['log']['landEvent']>[0][]): Promise<unknown> => {
  for (const each of events) api.log.landEvent(each);
  return api.caughtUp();
};

/** Another order's id in the partition of this one. */
export const besides = (api: InMemoryApi, orderId: string): string => {
  for (let n = 0; ; n += 1) if (api.log.partitionOf(`${orderId}-${n}`) === api.log.partitionOf(orderId)) return `${orderId}-${n}`;
};
