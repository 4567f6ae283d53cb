// api/schemas/submission.ts: the body of POST /orders.
// Rules that a schema cannot say are in api/orders/new-order.ts.

import { type Static, Type } from 'typebox';
import { AMOUNT_MAX } from '../../shared/order/money.ts';
import { ID_PATTERN, IdInput, ORDER_ID_PATTERN } from '../http/ids.ts';
import { describedOnly } from './described.ts';

export const ITEMS_MAX = 100; // an order is one record and one row: 100 items are 10 KB
export const QUANTITY_MAX = 10_000;
// 100 ids of 64 characters with separators, and room for spaces.
const ITEM_IDS_TEXT_MAX = 8_000;
const SPACE = '[ \\t\\r\\n]*';
const ONE_ID = `${SPACE}${ID_PATTERN.slice(1, -1)}${SPACE}`;
const ITEM_IDS_PATTERN = `^${ONE_ID}(?:,${ONE_ID}){0,${ITEMS_MAX - 1}}$`;

const Amount = (description: string) => Type.Number({ format: 'amount', minimum: 0, maximum: AMOUNT_MAX, description });

const ItemInput = Type.Object(
  {
    product_id: IdInput,
    quantity: Type.Optional(Type.Integer({ minimum: 1, maximum: QUANTITY_MAX, description: 'Default 1.' })),
    unit_price: Type.Optional(Amount('Price of one piece.')),
  },
  { additionalProperties: false },
);

/** What is ordered and what it costs: the same wherever an order is described. */
export const orderLines = {
  items: Type.Optional(
    Type.Array(ItemInput, {
      minItems: 1,
      maxItems: ITEMS_MAX,
      description: 'The items. Either these or item_ids; a repeated product adds its quantities.',
    }),
  ),
  item_ids: Type.Optional(
    Type.Unsafe<(string | number)[] | string>({
      type: ['array', 'string'],
      items: IdInput,
      minItems: 1,
      maxItems: ITEMS_MAX,
      minLength: 1,
      maxLength: ITEM_IDS_TEXT_MAX,
      ...describedOnly({ pattern: ITEM_IDS_PATTERN }),
      description: 'Ids only, as an array or separated by commas; a repeated id adds one to its quantity.',
      examples: [['5', '6'], '5,6'],
    }),
  ),
  total_amount: Type.Optional(
    Amount(
      'What the order costs in all, a decimal with at most two places. Required unless the catalogue prices every item; if every item has a unit_price it must be their sum.',
    ),
  ),
};

/** Of an object with `orderLines`, for its description: the items are said in one way. */
export const LINES_ONCE = { oneOf: [{ required: ['items'] }, { required: ['item_ids'] }] };

export const SubmissionBody = Type.Object(
  {
    order_id: Type.Optional(
      Type.String({
        pattern: ID_PATTERN,
        ...describedOnly({ pattern: ORDER_ID_PATTERN }),
        description: 'An id of your own choice; not with Idempotency-Key. Without it the service makes one.',
      }),
    ),
    user_id: Type.Optional(
      Type.Unsafe<string | number>({
        ...IdInput,
        description: 'Whose order it is. A customer may leave it out, and can name nobody else; others must name somebody.',
      }),
    ),
    ...orderLines,
  },
  {
    additionalProperties: false,
    ...describedOnly(LINES_ONCE),
    examples: [
      { user_id: '101', items: [{ product_id: '5', quantity: 2 }, { product_id: '6' }], total_amount: 299.99 },
      { user_id: 101, item_ids: '5,6,7', total_amount: 299.99 },
    ],
  },
);
export type SubmissionBody = Static<typeof SubmissionBody>;
