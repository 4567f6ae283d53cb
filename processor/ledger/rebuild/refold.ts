// processor/ledger/rebuild/refold.ts: the ledger as the log makes it: rebuild writes it, verify compares with it.
// It shares only the core's folds with the live ledger: the arithmetic is done again, plainly. Pure.

import type { OrderEvent, OrderFact } from '../../../shared/order/events.ts';
import { lookedUpUntil } from '../../../shared/order/late-duplicates.ts';
import { isTerminal } from '../../../shared/order/lifecycle.ts';
import { answeredBy, evolve, type Order } from '../../../shared/order/order.ts';
import { bringsStock } from '../../../shared/order/stock.ts';
import type { ProductEvent } from '../../../shared/product/events.ts';
import type { Product } from '../../../shared/product/product.ts';
import type { CarriedOrder } from '../ledger.ts';
import type { Answer } from '../products/product-answers.ts';
import type { LedgerProduct } from '../products/product-requests.ts';
import type { Reservation } from '../stock.ts';
import { createProductRefold, oldestIn } from './refold-products.ts';

/** An order that takes or took from stock, as the log has it. */
export interface RefoldedStock {
  partition: number;
  order: Pick<Order, 'orderId' | 'status' | 'version'>;
  /** What the ledger must hold; null while the order is pending: the log does not say what was decided. */
  reservation: Reservation | null;
  /** Offset of the terminal fact; null while open. */
  closedAt: number | null;
}

export interface RefoldedPartition {
  /** Where an owner has to start reading (R6). */
  startOffset: number;
  /**
   * The log time to start with (decision 2). No processor remembers the orders that closed below the start, however recently: so late that
   * every id as old as the newest of them is looked up (R5). 0 without an order.
   */
  logTime: number;
}

export interface Refold {
  takeOrderEvent: (partition: number, offset: number, event: OrderEvent) => void;
  takeProductEvent: (partition: number, offset: number, event: ProductEvent) => void;
  /** The counts of a product are those that its facts and the orders read so far make; with those that only orders know. */
  products: () => Map<string, LedgerProduct>;
  /** By the facts read so far, without counts. */
  productNow: (id: string) => Product | undefined;
  orders: () => Map<string, RefoldedStock>;
  /** Requests that have their answer, with the partition. */
  answers: () => { answer: Answer; partition: number }[];
  orderPartition: (partition: number, position: number) => RefoldedPartition;
  productPartition: (partition: number, position: number) => number;
  /** By order id. */
  open: () => Map<string, OpenOrder>;
  /** R12: open orders that were created below the offset where their owner starts. */
  carried: (partition: number, startOffset: number, position: number) => CarriedOrder[];
}

export interface OpenOrder {
  partition: number;
  order: Order;
  createdOffset: number;
  stock: RefoldedStock | null;
}

export const createRefold = (): Refold => {
  /** Orders that are over and never used stock are one id each: the fold passes over their late duplicates. */
  const open = new Map<string, OpenOrder>();
  const over = new Set<string>();
  const stocks = new Map<string, RefoldedStock>();
  const orderRequests = new Map<string, { partition: number; offset: number }>();
  const logTimes = new Map<number, number>();
  const products = createProductRefold();

  const takeOrderEvent = (partition: number, offset: number, event: OrderEvent): void => {
    if (event.kind === 'request') {
      if (!orderRequests.has(event.id) && !open.get(event.orderId)?.order.answeredRequests.includes(event.id)) {
        orderRequests.set(event.id, { partition, offset });
      }
      return;
    }
    if (over.has(event.orderId)) {
      if (event.kind === 'refusal' && event.causationId !== null) orderRequests.delete(event.causationId);
      return;
    }
    const known = open.get(event.orderId);
    const { order, effect } = evolve(known?.order ?? null, event);
    const requestId = answeredBy(event, effect);
    if (requestId !== null) orderRequests.delete(requestId);
    if (order === null || effect === 'void') return;
    const entry = { partition, order, createdOffset: known?.createdOffset ?? offset, stock: known?.stock ?? null };
    if (event.kind === 'fact') {
      if (event.name === 'OrderCreated') logTimes.set(partition, Math.max(logTimes.get(partition) ?? 0, event.time));
      entry.stock = stockAfter(entry, offset, event);
      if (entry.stock) stocks.set(order.orderId, entry.stock);
    }
    if (isTerminal(order.status)) {
      open.delete(order.orderId);
      over.add(order.orderId);
    } else open.set(order.orderId, entry);
  };

  const counts = (): Map<string, { reserved: number; sold: number }> => {
    const sums = new Map<string, { reserved: number; sold: number }>();
    for (const { reservation } of stocks.values()) {
      for (const { product_id: id, quantity } of reservation?.lines ?? []) {
        const sum = sums.get(id) ?? { reserved: 0, sold: 0 };
        sum[reservation!.state === 'held' ? 'reserved' : 'sold'] += quantity;
        sums.set(id, sum);
      }
    }
    return sums;
  };
  return {
    takeOrderEvent,
    takeProductEvent: products.take,
    products: () => {
      const sums = counts();
      const ids = [...products.products.keys(), ...[...sums.keys()].filter((id) => !products.products.has(id))];
      const entries = ids.map((productId): [string, LedgerProduct] => {
        const product = products.products.get(productId) ?? null;
        const { reserved, sold } = sums.get(productId) ?? { reserved: 0, sold: 0 };
        return [productId, { productId, product, read: product, unreadIn: 0, reserved, sold }];
      });
      return new Map(entries);
    },
    productNow: (id) => products.products.get(id),
    orders: () => stocks,
    answers: products.answers,
    orderPartition: (partition, position) => {
      const created = Array.from(open.values(), (entry) => ({ partition: entry.partition, offset: entry.createdOffset }));
      const oldest = Math.min(oldestIn(partition, created), oldestIn(partition, orderRequests.values()));
      return { startOffset: Math.min(position, oldest), logTime: logTimes.has(partition) ? lookedUpUntil(logTimes.get(partition)!) : 0 };
    },
    open: () => new Map(open),
    carried: (partition, startOffset, position) =>
      [...open.values()]
        .filter((entry) => entry.partition === partition && entry.createdOffset < startOffset)
        .map(({ order, createdOffset, stock }) => ({ order, asOf: position, createdOffset, usesStock: stock !== null })),
    productPartition: (partition, position) => Math.min(position, products.oldestRequest(partition)),
  };
};

/** What the order means for stock after one more applied fact; null if it never had to do with it. */
const stockAfter = ({ partition, order, stock }: OpenOrder, offset: number, fact: OrderFact): RefoldedStock | null => {
  if (stock === null && !bringsStock(fact)) return null;
  const { orderId, status, version } = order;
  const closed = isTerminal(status);
  const next: RefoldedStock = {
    partition,
    order: { orderId, status, version },
    reservation: stock?.reservation ?? null,
    closedAt: closed ? offset : null,
  };
  if (fact.name === 'OrderProcessing') next.reservation = { version: version - 1, state: 'held', lines: fact.data.reserved };
  if (closed) next.reservation = { version, state: 'closed', lines: status === 'completed' ? (stock?.reservation?.lines ?? []) : [] };
  return next;
};
