// tests/support/builders/product-events.ts: product events with everything filled in that a test does not care about.

import { type ProductEvent, type ProductEventData, type ProductEventName, productEventKind } from '../../../shared/product/events.ts';
import { T0 } from './order-events.ts';

let sequence = 0;

/** Sample data of every event type; a new type without a sample does not compile. */
const SAMPLE_DATA: { [N in ProductEventName]: ProductEventData[N] } = {
  ProductCreated: {
    name: 'Lamp',
    description: null,
    price_minor: 1_999,
    currency: 'USD',
    stock: 10,
    id_origin: 'client',
    command_hash: null,
  },
  ProductUpdated: { name: 'Lamp', description: null, price_minor: 1_999, stock_delta: 0, result: null },
  StockAdjusted: { delta: 1, result: null },
  ProductRequestRefused: { code: 'VERSION_MISMATCH', detail: 'no' },
  ProductUpdateRequested: { expected_version: null, command_hash: null },
  StockAdjustmentRequested: { delta: 1, stock: null, expected_version: null, command_hash: null },
};

export interface ProductEventOptions<N extends ProductEventName> {
  id?: string;
  version?: number;
  causationId?: string | null;
  data?: Partial<ProductEventData[N]>;
}

/** An event of any type; facts get `version` (default 1). */
export const productEvent = <N extends ProductEventName>(
  name: N,
  productId: string,
  options: ProductEventOptions<N> = {},
): Extract<ProductEvent, { name: N }> => {
  sequence += 1;
  const kind = productEventKind(name);
  return {
    kind,
    name,
    id: options.id ?? `pe-${sequence}`,
    productId,
    time: T0 + sequence,
    actor: 'anonymous',
    causationId: options.causationId ?? null,
    correlationId: null,
    data: { ...SAMPLE_DATA[name], ...options.data },
    ...(kind === 'fact' ? { version: options.version ?? 1 } : {}),
  } as unknown as Extract<ProductEvent, { name: N }>;
};

export const productCreated = (productId: string, stock: number) => productEvent('ProductCreated', productId, { data: { stock } });
