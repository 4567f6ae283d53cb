// tests/integration/hostile/topic/foreign-events.ts: events as another program writes them, which any reader would take.

import type { RawRecord } from '../../../support/faults/network/raw-batches.ts';

export const FOREIGN_ITEM = { product_id: '5', quantity: 1, unit_price_minor: null, stocked: false };
export const FOREIGN_ORDER = {
  user_id: 'foreign',
  items: [FOREIGN_ITEM],
  total_minor: 1_000,
  currency: 'USD',
  id_origin: 'client',
  batch_id: null,
  key_hash: null,
  command_hash: null,
};

export const foreignHeaders = (type: string, subject: string, more: Record<string, string> = {}): Record<string, string> => ({
  ce_specversion: '1.0',
  ce_id: crypto.randomUUID(),
  ce_type: `${type}.v1`,
  ce_time: new Date().toISOString(),
  ce_subject: subject,
  ...more,
});

/** `data`: as JSON, or the text itself. */
export const foreignEvent = (type: string, subject: string, data: string | object, more: Record<string, string> = {}): RawRecord => ({
  key: Buffer.from(subject),
  value: Buffer.from(typeof data === 'string' ? data : JSON.stringify(data)),
  headers: Object.entries(foreignHeaders(type, subject, more)).map(([name, text]) => [name, Buffer.from(text)] as const),
});

export const foreignCreated = (orderId: string, data: string | object = FOREIGN_ORDER, more: Record<string, string> = {}): RawRecord =>
  foreignEvent('orders.OrderCreated', orderId, data, { ce_orderversion: '1', ...more });
