// bench/system/created-data.ts: the data of an OrderCreated that the bench writes itself, past the api.
// The one place here that knows all of its properties.

import type { OrderCreatedData } from '../../shared/order/events.ts';

export const createdData = (
  what: Pick<OrderCreatedData, 'user_id' | 'items' | 'total_minor'> & Partial<OrderCreatedData>,
): OrderCreatedData => ({
  currency: 'USD',
  id_origin: 'server',
  batch_id: null,
  key_hash: null,
  command_hash: null,
  ...what,
});
