// api/schemas/queries.ts: query parameters and path parameters of the routes.
// Unknown ones are refused.

import { type Static, Type } from 'typebox';
import { ORDER_STATUSES } from '../../shared/order/lifecycle.ts';
import { ID_PATTERN, IdSchema } from '../http/ids.ts';

export const PAGE_MAX = 500;
export const PAGE_DEFAULT = 50;

/** The Consistency-Token of a bulk has a place for each partition. */
export const AFTER_MAX = 1_024;

const After = Type.Optional(
  Type.String({
    maxLength: AFTER_MAX,
    description:
      'A Consistency-Token: waits, at most 2 s, until the answer contains what it stands for; otherwise the answer says `Consistency: stale`. The request header Consistency-Token does the same.',
  }),
);
export const Limit = Type.Integer({ minimum: 1, maximum: PAGE_MAX, default: PAGE_DEFAULT });
export const Cursor = Type.Optional(
  Type.String({ minLength: 1, maxLength: 512, description: '`next_cursor` of the page before, with the same filters.' }),
);
const one = ORDER_STATUSES.join('|');

export const NoQuery = Type.Object({}, { additionalProperties: false });

export const OrderPath = Type.Object({ order_id: Type.String({ pattern: ID_PATTERN }) }, { additionalProperties: false });

export const OrderQuery = Type.Object({ after: After }, { additionalProperties: false });

export const OrderAtQuery = Type.Object(
  {
    after: After,
    at: Type.Optional(
      Type.String({ format: 'date-time', description: 'The order as it was at this time: the facts up to and including it.' }),
    ),
  },
  { additionalProperties: false },
);

export const EventsQuery = Type.Object({ limit: Limit, cursor: Cursor, after: After }, { additionalProperties: false });

export const ListQuerySchema = Type.Object(
  {
    status: Type.Optional(
      Type.String({
        pattern: `^(?:${one})(?:,(?:${one}))*$`,
        description: 'One or more, separated by commas.',
        examples: ['pending,processing'],
      }),
    ),
    user_id: Type.Optional(IdSchema),
    batch_id: Type.Optional(IdSchema),
    product_id: Type.Optional(IdSchema),
    parked: Type.Optional(Type.Boolean()),
    created_after: Type.Optional(Type.String({ format: 'date-time', description: 'Created at this time or later.' })),
    created_before: Type.Optional(Type.String({ format: 'date-time', description: 'Created before this time.' })),
    limit: Limit,
    cursor: Cursor,
    sort: Type.Unsafe<'created_at' | '-created_at'>({ type: 'string', enum: ['created_at', '-created_at'], default: '-created_at' }),
    after: After,
  },
  { additionalProperties: false },
);
export type ListQueryString = Static<typeof ListQuerySchema>;

const Flag = Type.Optional(Type.Boolean({ description: 'With the ids of the newest 1000 orders of each status.' }));
export const MetricsQuery = Type.Object({ order_ids: Flag, getOrderIds: Flag, after: After }, { additionalProperties: false });
