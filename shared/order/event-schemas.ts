// shared/order/event-schemas.ts: JSON Schema of the data of every event, by name and version. They decide whether a record
// can be decoded at all, and they feed the docs. Data only. Additional properties are allowed: a newer writer of the same
// version may add what older readers ignore.

import { ID_ORIGINS } from './events.ts';
import { ORDER_STATUSES } from './lifecycle.ts';

const ID = { type: 'string', pattern: '^[A-Za-z0-9_.:-]{1,64}$' } as const;
const STATUS = { enum: ORDER_STATUSES } as const;
const REASON = { type: ['string', 'null'], maxLength: 200 } as const;
const CODE = { type: 'string', minLength: 1, maxLength: 64 } as const;
const HASH = { type: ['string', 'null'], maxLength: 128 } as const;
const MINOR = { type: 'integer', minimum: 0, maximum: 999_999_999_999 } as const;
const EXPECTED_VERSION = { type: ['integer', 'null'], minimum: 1 } as const;
const ITEM = {
  type: 'object',
  required: ['product_id', 'quantity', 'unit_price_minor', 'stocked'],
  properties: {
    product_id: ID,
    quantity: { type: 'integer', minimum: 1, maximum: 1_000_000 },
    unit_price_minor: { ...MINOR, type: ['integer', 'null'] },
    stocked: { type: 'boolean' },
  },
} as const;
const ITEMS = { type: 'array', minItems: 1, maxItems: 100, items: ITEM } as const;
const RESERVED = {
  type: 'array',
  maxItems: 100,
  items: {
    type: 'object',
    required: ['product_id', 'quantity'],
    properties: { product_id: ID, quantity: { type: 'integer', minimum: 1 } },
  },
} as const;

const data = (properties: Record<string, unknown>) => ({ type: 'object', required: Object.keys(properties), properties });
const withOptional = (schema: ReturnType<typeof data>, more: Record<string, unknown>) => ({
  ...schema,
  properties: { ...schema.properties, ...more },
});
const fact = (properties: Record<string, unknown> = {}) => data({ user_id: ID, previous_status: STATUS, ...properties });

export const EVENT_SCHEMAS: Readonly<Record<string, object>> = {
  'OrderCreated.v1': data({
    user_id: ID,
    items: ITEMS,
    total_minor: MINOR,
    currency: { type: 'string', pattern: '^[A-Z]{3}$' },
    id_origin: { enum: ID_ORIGINS },
    batch_id: { ...ID, type: ['string', 'null'] },
    key_hash: HASH,
    command_hash: HASH,
  }),
  'OrderProcessing.v1': fact({ reserved: RESERVED }),
  'OrderCompleted.v1': fact(),
  'OrderCancelled.v1': fact({ reason: REASON }),
  'OrderRejected.v1': fact({ code: CODE, reason: REASON }),
  'OrderAmended.v1': fact({ items: ITEMS, total_minor: MINOR }),
  // `detail` came later and is for people only: it may be missing.
  'OrderParked.v1': withOptional(fact({ code: CODE, attempts: { type: 'integer', minimum: 0 } }), {
    detail: { type: 'string', maxLength: 200 },
  }),
  'OrderUnparked.v1': fact(),
  'OrderRequestRefused.v1': data({ code: CODE, detail: { type: 'string', maxLength: 500 } }),
  'OrderCancellationRequested.v1': data({ reason: REASON, expected_version: EXPECTED_VERSION }),
  'OrderStatusChangeRequested.v1': data({ status: STATUS, reason: REASON, expected_version: EXPECTED_VERSION }),
  'OrderAmendmentRequested.v1': data({ items: ITEMS, total_minor: MINOR, expected_version: EXPECTED_VERSION }),
  'OrderRedriveRequested.v1': data({ expected_version: EXPECTED_VERSION }),
};
