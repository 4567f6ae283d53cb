// api/schemas/product.ts: products as they come in and go out.

import { type Static, Type } from 'typebox';
import { AMOUNT_MAX } from '../../shared/order/money.ts';
import { PRODUCT_DESCRIPTION_MAX, PRODUCT_NAME_MAX, STOCK_MAX } from '../../shared/product/event-schemas.ts';
import { ID_PATTERN, IdInput, PRODUCT_ID_PATTERN } from '../http/ids.ts';
import type { ProductView } from '../products/product-view.ts';
import { describedOnly } from './described.ts';
import { orNull } from './order.ts';
import { PAGE_DEFAULT, PAGE_MAX } from './queries.ts';

const Name = Type.String({ minLength: 1, maxLength: PRODUCT_NAME_MAX });
const Description = Type.Union([Type.String({ maxLength: PRODUCT_DESCRIPTION_MAX }), Type.Null()]);
const Price = Type.Number({ format: 'amount', minimum: 0, maximum: AMOUNT_MAX, description: 'A decimal with at most two places.' });
const Stock = Type.Integer({ minimum: 0, maximum: STOCK_MAX, description: 'Units on hand.' });

export const ProductInput = Type.Object(
  {
    product_id: Type.Optional(
      Type.Unsafe<string | number>({
        ...IdInput,
        ...describedOnly({ pattern: PRODUCT_ID_PATTERN }),
        description: 'An id of your own choice; without it the service makes one.',
      }),
    ),
    name: Name,
    description: Type.Optional(Description),
    price: Price,
    stock: Type.Optional(Stock),
  },
  { additionalProperties: false, examples: [{ product_id: 'lamp-1', name: 'Lamp', price: 19.99, stock: 100 }] },
);

export const ProductPatch = Type.Object(
  { name: Type.Optional(Name), description: Type.Optional(Description), price: Type.Optional(Price), stock: Type.Optional(Stock) },
  { additionalProperties: false, minProperties: 1, examples: [{ price: 17.5 }] },
);
export type ProductPatch = Static<typeof ProductPatch>;

export const StockChange = Type.Object(
  {
    delta: Type.Optional(Type.Integer({ minimum: -STOCK_MAX, maximum: STOCK_MAX, description: 'Units to add, or to take away.' })),
    stock: Type.Optional(Stock),
  },
  { additionalProperties: false, minProperties: 1, maxProperties: 1, examples: [{ delta: 50 }, { stock: 120 }] },
);

export const ProductPath = Type.Object({ product_id: Type.String({ pattern: ID_PATTERN }) }, { additionalProperties: false });
export const ProductRequestPath = Type.Object(
  { product_id: Type.String({ pattern: ID_PATTERN }), request_id: Type.String({ minLength: 1, maxLength: 200 }) },
  { additionalProperties: false },
);
export const ProductsQuery = Type.Object(
  {
    limit: Type.Integer({ minimum: 1, maximum: PAGE_MAX, default: PAGE_DEFAULT }),
    cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 512, description: '`next_cursor` of the page before.' })),
  },
  { additionalProperties: false },
);

const Units = (description: string) => Type.Integer({ minimum: 0, description });
export const ProductSchema = Type.Object(
  {
    product_id: Type.String(),
    name: Type.String(),
    description: orNull(Type.String()),
    price: Type.Number({ minimum: 0 }),
    currency: Type.String(),
    stock: Units('On hand.'),
    reserved: Units('Promised to open orders.'),
    sold: Units('In completed orders.'),
    available: Units('On hand and promised to nobody.'),
    oversold: Units('Promised or sold beyond what was put in; 0 unless decisions or units were lost (docs/recovery.md).'),
    version: Type.Integer({ minimum: 1 }),
    created_at: Type.String({ format: 'date-time' }),
    updated_at: Type.String({ format: 'date-time' }),
  },
  { $id: 'Product', additionalProperties: false },
);
export const ProductRef = Type.Unsafe<ProductView>({ $ref: 'Product#' });
export const EXAMPLE_PRODUCT: ProductView = {
  product_id: 'lamp-1',
  name: 'Lamp',
  description: null,
  price: 19.99,
  currency: 'USD',
  stock: 97,
  reserved: 2,
  sold: 3,
  available: 95,
  oversold: 0,
  version: 1,
  created_at: '2026-11-21T10:00:00.000Z',
  updated_at: '2026-11-21T10:00:00.000Z',
};
export const ProductPage = Type.Object(
  { products: Type.Array(ProductRef), next_cursor: orNull(Type.String()) },
  { additionalProperties: false },
);
export const ProductRequestState = Type.Object(
  {
    request_id: Type.String(),
    state: Type.Unsafe<'pending' | 'applied' | 'refused'>({ type: 'string', enum: ['pending', 'applied', 'refused'] }),
    code: orNull(Type.String({ description: 'Why it was refused.' })),
    product_id: Type.String(),
  },
  { additionalProperties: false },
);
export const EXAMPLE_PRODUCT_REQUEST = {
  request_id: '0199a1f0-8000-7000-8000-3f5d2c8e6a11',
  state: 'refused',
  code: 'STOCK_WOULD_BE_NEGATIVE',
  product_id: 'lamp-1',
};

export const ProductAsked = Type.Object(
  { message: Type.String(), product_id: Type.String(), request_id: Type.Optional(Type.String()) },
  { additionalProperties: false },
);
export const EXAMPLE_PRODUCT_ASKED = {
  message: 'Request accepted',
  product_id: 'lamp-1',
  request_id: '0199a1f0-8000-7000-8000-3f5d2c8e6a11',
};
