// shared/order/event-schemas.ts: JSON Schema of the data of every event, by name and version. They decide whether a record
// can be decoded at all, and they feed the docs. Data only. Additional properties are allowed: a newer writer of the same
// version may add what older readers ignore.

import { type EventData, ID_ORIGINS, type ItemData, REPORTED_OUTCOMES } from './events.ts';
import { ORDER_STATUSES } from './lifecycle.ts';

/** Characters of the name that an endpoint of fulfilment gives its work. Ids and URLs are shorter. */
export const REFERENCE_MAX = 200;

type Schema = Readonly<Record<string, unknown>>;
/** A property with a `default` may be absent, and is decoded to that; one that stays absent has `default: undefined`, as its type says. */
type Properties<T> = { readonly [P in keyof T]-?: undefined extends T[P] ? Schema & { default: undefined } : Schema & { default?: T[P] } };

const data = <T extends object>(properties: Properties<T>) => ({
  type: 'object',
  required: Object.entries<Schema>(properties).flatMap(([name, schema]) => ('default' in schema ? [] : [name])),
  properties,
});

const ID = { type: 'string', pattern: '^[A-Za-z0-9_.:-]{1,64}$' } as const;
const STATUS = { enum: ORDER_STATUSES } as const;
const REASON = { type: ['string', 'null'], maxLength: 200 } as const;
const CODE = { type: 'string', minLength: 1, maxLength: 64 } as const;
const REFERENCE = { type: ['string', 'null'], maxLength: REFERENCE_MAX } as const;
const HASH = { type: ['string', 'null'], maxLength: 128 } as const;
const MINOR = { type: 'integer', minimum: 0, maximum: 999_999_999_999 } as const;
const ITEM = data<ItemData>({
  product_id: ID,
  quantity: { type: 'integer', minimum: 1, maximum: 1_000_000 },
  unit_price_minor: { ...MINOR, type: ['integer', 'null'] },
  stocked: { type: 'boolean' },
});
const ITEMS = { type: 'array', minItems: 1, maxItems: 100, items: ITEM } as const;
/** Ten times what a hundred items of an order can ask for. Sums of millions of them are whole numbers still. */
const UNITS_MAX = 1_000_000_000;
const RESERVED = {
  type: 'array',
  maxItems: 100,
  items: data<EventData['OrderProcessing']['reserved'][number]>({
    product_id: ID,
    quantity: { type: 'integer', minimum: 1, maximum: UNITS_MAX },
  }),
} as const;
const CONTEXT = { user_id: ID, previous_status: STATUS } as const;
const REQUESTED = {
  expected_version: { type: ['integer', 'null'], minimum: 1 },
  command_hash: { ...HASH, default: null }, // came later
} as const;

export const EVENT_SCHEMAS: Readonly<Record<string, object>> = {
  'OrderCreated.v1': data<EventData['OrderCreated']>({
    user_id: ID,
    items: ITEMS,
    total_minor: MINOR,
    currency: { type: 'string', pattern: '^[A-Z]{3}$' },
    id_origin: { enum: ID_ORIGINS },
    batch_id: { ...ID, type: ['string', 'null'] },
    key_hash: HASH,
    command_hash: HASH,
  }),
  'OrderProcessing.v1': data<EventData['OrderProcessing']>({ ...CONTEXT, reserved: RESERVED }),
  'OrderCompleted.v1': data<EventData['OrderCompleted']>(CONTEXT),
  'OrderCancelled.v1': data<EventData['OrderCancelled']>({ ...CONTEXT, reason: REASON }),
  'OrderRejected.v1': data<EventData['OrderRejected']>({ ...CONTEXT, code: CODE, reason: REASON }),
  'OrderAmended.v1': data<EventData['OrderAmended']>({ ...CONTEXT, items: ITEMS, total_minor: MINOR }),
  'OrderParked.v1': data<EventData['OrderParked']>({
    ...CONTEXT,
    code: CODE,
    attempts: { type: 'integer', minimum: 0 },
    // Came later, and is for people only.
    detail: { type: 'string', maxLength: 200, default: undefined },
  }),
  'OrderUnparked.v1': data<EventData['OrderUnparked']>(CONTEXT),
  'OrderFulfilmentAccepted.v1': data<EventData['OrderFulfilmentAccepted']>({ ...CONTEXT, reference: REFERENCE }),
  'OrderRequestRefused.v1': data<EventData['OrderRequestRefused']>({ code: CODE, detail: { type: 'string', maxLength: 500 } }),
  'OrderCancellationRequested.v1': data<EventData['OrderCancellationRequested']>({ ...REQUESTED, reason: REASON }),
  'OrderStatusChangeRequested.v1': data<EventData['OrderStatusChangeRequested']>({ ...REQUESTED, status: STATUS, reason: REASON }),
  'OrderAmendmentRequested.v1': data<EventData['OrderAmendmentRequested']>({ ...REQUESTED, items: ITEMS, total_minor: MINOR }),
  'OrderRedriveRequested.v1': data<EventData['OrderRedriveRequested']>(REQUESTED),
  'OrderFulfilmentReported.v1': data<EventData['OrderFulfilmentReported']>({
    ...REQUESTED,
    outcome: { enum: REPORTED_OUTCOMES },
    code: { ...CODE, type: ['string', 'null'] },
    detail: { type: ['string', 'null'], maxLength: 200 },
    reference: REFERENCE,
  }),
};
