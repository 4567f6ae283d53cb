// projector/order-cache.ts: rows that this process committed or loaded, so that the next event of an order needs no query. A
// row may be used only while no other process writes its partition; the fence of the store finds out, then the partition is cleared.

import type { StoredOrder } from '../shared/postgres/tables/order-rows.ts';

export interface OrderCache {
  has(orderId: string): boolean;
  get(orderId: string): StoredOrder | undefined;
  /** Remembers a row until at least `maxOrders / 2` others were set after it. */
  set(stored: StoredOrder): void;
  clearPartition(partition: number): void;
}

/**
 * Holds at most `maxOrders` rows, in two generations: when the younger one is half of them, the older one is dropped. Roughly
 * least recently used, at a fraction of the cost: deleting single entries from a large Map is slow.
 */
export const createOrderCache = (maxOrders: number): OrderCache => {
  let younger = new Map<string, StoredOrder>();
  let older = new Map<string, StoredOrder>();
  return {
    has: (orderId) => younger.has(orderId) || older.has(orderId),
    get: (orderId) => younger.get(orderId) ?? older.get(orderId),
    set: (stored) => {
      younger.set(stored.order.orderId, stored);
      if (younger.size < maxOrders / 2) return;
      older = younger;
      younger = new Map();
    },
    clearPartition: (partition) => {
      for (const generation of [younger, older]) {
        for (const [orderId, stored] of generation) if (stored.partition === partition) generation.delete(orderId);
      }
    },
  };
};
