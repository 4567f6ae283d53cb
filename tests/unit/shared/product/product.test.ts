// The fold of a product and the verdicts on requests.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeProductEvent, encodeProductEvent } from '../../../../shared/log/codec/product-codec.ts';
import { answerProductRequest } from '../../../../shared/product/decider.ts';
import {
  PRODUCT_FACT_NAMES,
  type ProductEvent,
  type ProductEventData,
  type ProductEventName,
  productEventKind,
} from '../../../../shared/product/events.ts';
import { evolveProduct, type Product } from '../../../../shared/product/product.ts';

const SAMPLES: { [N in ProductEventName]: ProductEventData[N] } = {
  ProductCreated: {
    name: 'Lamp',
    description: null,
    price_minor: 1999,
    currency: 'USD',
    stock: 10,
    id_origin: 'client',
    command_hash: null,
  },
  ProductUpdated: { name: 'Lamp 2', description: 'brighter', price_minor: 2500, stock_delta: -1, result: null },
  StockAdjusted: { delta: 5, result: null },
  ProductRequestRefused: { code: 'STOCK_WOULD_BE_NEGATIVE', detail: 'no' },
  ProductUpdateRequested: { price_minor: 2500, expected_version: null, command_hash: null },
  StockAdjustmentRequested: { delta: 5, stock: null, expected_version: null, command_hash: null },
};
const event = <N extends ProductEventName>(
  name: N,
  options: { version?: number; time?: number; data?: Partial<ProductEventData[N]> } = {},
) => {
  const kind = productEventKind(name);
  const envelope = { id: `e-${name}-${options.version}`, productId: 'lamp', time: options.time ?? 1_000, actor: 'anonymous' };
  const rest = { causationId: null, correlationId: null, data: { ...SAMPLES[name], ...options.data } };
  return { kind, name, ...envelope, ...rest, ...(kind === 'fact' ? { version: options.version ?? 1 } : {}) } as unknown as Extract<
    ProductEvent,
    { name: N }
  >;
};
const fold = (events: readonly ProductEvent[]): Product | null =>
  events.reduce<Product | null>((product, next) => evolveProduct(product, next).product, null);

describe('the fold', () => {
  it('has every fact change what it says', () => {
    const product = fold([event('ProductCreated'), event('ProductUpdated', { version: 2 }), event('StockAdjusted', { version: 3 })]);
    expect(product).toMatchObject({ name: 'Lamp 2', description: 'brighter', priceMinor: 2500, putIn: 14, version: 3 });
  });

  it('never lets time run backwards (R10)', () => {
    const product = fold([event('ProductCreated', { time: 5_000 }), event('StockAdjusted', { version: 2, time: 1_000 })]);
    expect(product?.updatedAt).toBe(5_000);
  });

  it('is the same with any copies, stale and reordered facts in between', () => {
    const life = [event('ProductCreated'), event('StockAdjusted', { version: 2 }), event('ProductUpdated', { version: 3 })];
    const strays = [...life, event('StockAdjusted', { version: 9 }), event('ProductRequestRefused'), event('StockAdjustmentRequested')];
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(life.length), fc.constantFrom(...strays))), (inserted) => {
        // A stray after position n of the life is a copy, stale, or too early: never the next fact.
        const isNext = (at: number, stray: ProductEvent) => stray.kind === 'fact' && stray.version === at + 1;
        const log = [0, 1, 2, 3].flatMap((at) => [
          ...inserted.filter(([place, stray]) => place === at && !isNext(at, stray)).map(([, stray]) => stray),
          ...life.slice(at, at + 1),
        ]);
        expect(fold(log)).toEqual(fold(life));
      }),
    );
  });

  it('is nothing without a creation', () => {
    for (const name of PRODUCT_FACT_NAMES.filter((each) => each !== 'ProductCreated'))
      expect(fold([event(name, { version: 1 })])).toBeNull();
  });
});

describe('the verdict on a request', () => {
  const product = fold([event('ProductCreated')])!;
  const use = { reserved: 2, sold: 3 };

  it('is in terms of what is on hand', () => {
    const ask = (data: Partial<ProductEventData['StockAdjustmentRequested']>) =>
      answerProductRequest(product, use, event('StockAdjustmentRequested', { data }));
    expect(ask({ delta: 5 })).toMatchObject({ name: 'StockAdjusted', data: { delta: 5 } });
    expect(ask({ delta: null, stock: 20 })).toMatchObject({ name: 'StockAdjusted', data: { delta: 13 } });
    expect(ask({ delta: -5 })).toMatchObject({ name: 'StockAdjusted', data: { delta: -5 } });
    expect(ask({ delta: -6 })).toMatchObject({ name: 'ProductRequestRefused', data: { code: 'STOCK_WOULD_BE_NEGATIVE' } });
    expect(ask({ delta: null, stock: 1 })).toMatchObject({ data: { code: 'STOCK_WOULD_BE_NEGATIVE' } });
  });

  it('keeps what an update does not name', () => {
    const answer = answerProductRequest(product, use, event('ProductUpdateRequested'));
    expect(answer).toMatchObject({ name: 'ProductUpdated', data: { name: 'Lamp', description: null, price_minor: 2500, stock_delta: 0 } });
  });

  it('is no for a product that there is not, and for another version', () => {
    expect(answerProductRequest(null, use, event('StockAdjustmentRequested'))).toMatchObject({ data: { code: 'PRODUCT_NOT_FOUND' } });
    const conditional = event('StockAdjustmentRequested', { data: { expected_version: 7 } });
    expect(answerProductRequest(product, use, conditional)).toMatchObject({ data: { code: 'VERSION_MISMATCH' } });
  });
});

describe('the codec', () => {
  it.each(Object.keys(SAMPLES) as ProductEventName[])('brings %s back as it was', (name) => {
    const original = event(name);
    const { key, value, headers } = encodeProductEvent(original, 'products');
    const bytes = Object.fromEntries(Object.entries(headers).map(([header, text]) => [header, Buffer.from(text as string)]));
    const record = {
      topic: 'products',
      partition: 0,
      offset: 0,
      timestamp: 0,
      key: Buffer.from(key as string),
      value: Buffer.from(value as string),
      headers: bytes,
    };
    expect(decodeProductEvent(record)).toEqual({ ok: true, event: original });
  });
});
