// shared/product/event-schemas.ts: JSON Schema of the data of every product event, by name and version. They decide whether a
// record can be decoded at all, and they feed the docs. Data only. Additional properties are allowed: a newer writer of the
// same version may add what older readers ignore.

import { PRODUCT_ID_ORIGINS, type ProductEventData, type ProductResult } from './events.ts';

type Schema = Readonly<Record<string, unknown>>;
/** A property with a `default` may be absent, and is decoded to that; one that stays absent has `default: undefined`, as its type says. */
type Properties<T> = { readonly [P in keyof T]-?: undefined extends T[P] ? Schema & { default: undefined } : Schema & { default?: T[P] } };

const data = <T extends object>(properties: Properties<T>) => ({
  type: 'object',
  required: Object.entries<Schema>(properties).flatMap(([name, schema]) => ('default' in schema ? [] : [name])),
  properties,
});

/** Units of one product on hand at most: sums of a hundred products stay far below 2^53. */
export const STOCK_MAX = 1_000_000_000;
export const PRODUCT_NAME_MAX = 200;
export const PRODUCT_DESCRIPTION_MAX = 2_000;

const NAME = { type: 'string', minLength: 1, maxLength: PRODUCT_NAME_MAX } as const;
const DESCRIPTION = { type: ['string', 'null'], maxLength: PRODUCT_DESCRIPTION_MAX } as const;
const MINOR = { type: 'integer', minimum: 0, maximum: 999_999_999_999 } as const;
const CURRENCY = { type: 'string', pattern: '^[A-Z]{3}$' } as const;
const STOCK = { type: 'integer', minimum: 0, maximum: STOCK_MAX } as const;
const DELTA = { type: 'integer', minimum: -STOCK_MAX, maximum: STOCK_MAX } as const;
const EXPECTED_VERSION = { type: ['integer', 'null'], minimum: 1 } as const;
const HASH = { type: ['string', 'null'], maxLength: 128 } as const;

const TIME = { type: 'integer', minimum: 0 } as const;
const COUNT = { type: 'integer' } as const;
// Came later.
const RESULT = {
  ...data<ProductResult>({
    name: NAME,
    description: DESCRIPTION,
    price_minor: MINOR,
    currency: CURRENCY,
    put_in: COUNT,
    reserved: COUNT,
    sold: COUNT,
    created_at: TIME,
    updated_at: TIME,
  }),
  type: ['object', 'null'],
  default: null,
} as const;

export const PRODUCT_EVENT_SCHEMAS: Readonly<Record<string, object>> = {
  'ProductCreated.v1': data<ProductEventData['ProductCreated']>({
    name: NAME,
    description: DESCRIPTION,
    price_minor: MINOR,
    currency: CURRENCY,
    stock: STOCK,
    id_origin: { enum: PRODUCT_ID_ORIGINS },
    command_hash: { ...HASH, default: null }, // came later
  }),
  'ProductUpdated.v1': data<ProductEventData['ProductUpdated']>({
    name: NAME,
    description: DESCRIPTION,
    price_minor: MINOR,
    stock_delta: DELTA,
    result: RESULT,
  }),
  'StockAdjusted.v1': data<ProductEventData['StockAdjusted']>({ delta: DELTA, result: RESULT }),
  'ProductRequestRefused.v1': data<ProductEventData['ProductRequestRefused']>({
    code: { type: 'string', minLength: 1, maxLength: 64 },
    detail: { type: 'string', maxLength: 500 },
  }),
  // What is absent stays as it is.
  'ProductUpdateRequested.v1': data<ProductEventData['ProductUpdateRequested']>({
    name: { ...NAME, default: undefined },
    description: { ...DESCRIPTION, default: undefined },
    price_minor: { ...MINOR, default: undefined },
    stock: { ...STOCK, default: undefined },
    expected_version: EXPECTED_VERSION,
    command_hash: HASH,
  }),
  'StockAdjustmentRequested.v1': {
    ...data<ProductEventData['StockAdjustmentRequested']>({
      delta: { ...DELTA, type: ['integer', 'null'] },
      stock: { ...STOCK, type: ['integer', 'null'] },
      expected_version: EXPECTED_VERSION,
      command_hash: HASH,
    }),
    oneOf: [
      { properties: { delta: { type: 'null' }, stock: { type: 'integer' } } },
      { properties: { delta: { type: 'integer' }, stock: { type: 'null' } } },
    ],
  },
};
