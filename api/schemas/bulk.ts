// api/schemas/bulk.ts: bodies and answers of populate, import and export.

import { type Static, Type } from 'typebox';
import { ID_PATTERN } from '../http/ids.ts';
import { PROBLEM_CODES, type ProblemCode } from '../http/problems.ts';
import { describedOnly } from './described.ts';
import { KEY_PATTERN } from './headers.ts';
import { orNull } from './order.ts';
import { ListQuerySchema } from './queries.ts';
import { LINES_ONCE, SubmissionBody } from './submission.ts';

/** More in one call would be an answer that takes minutes; a second call continues under the same batch_id or another. */
export const POPULATE_MAX = 100_000;

const Code = Type.Unsafe<ProblemCode>({ type: 'string', enum: PROBLEM_CODES });
const Count = Type.Integer({ minimum: 0 });

export const PopulateBody = Type.Object(
  {
    total_entries: Type.Integer({ minimum: 1, maximum: POPULATE_MAX }),
    batch_id: Type.Optional(
      Type.String({ pattern: ID_PATTERN, description: 'Names the batch. Without it: a new one of eight hexadecimal digits.' }),
    ),
  },
  { additionalProperties: false, examples: [{ total_entries: 1000 }, { total_entries: 1000, batch_id: '5f1d0c2a' }] },
);

export const PopulateResult = Type.Object(
  {
    batch_id: Type.String(),
    total_entries: Count,
    success_count: Type.Integer({
      minimum: 0,
      description: 'Orders that every in-sync replica of the log has, from this call or an earlier one.',
    }),
    failure_count: Count,
    errors: Type.Array(Type.Object({ index: Count, code: Code, detail: Type.String() }, { additionalProperties: false }), {
      maxItems: 100,
      description: 'The first of the failures, by index.',
    }),
  },
  { additionalProperties: false },
);
export const EXAMPLE_POPULATED = { batch_id: '5f1d0c2a', total_entries: 1000, success_count: 1000, failure_count: 0, errors: [] };

/** A line of an import: a body of POST /orders, and what would be its header. */
export const ImportLine = Type.Object(
  {
    ...SubmissionBody.properties,
    idempotency_key: Type.Optional(
      Type.String({
        ...describedOnly({ pattern: KEY_PATTERN }),
        description: 'As the header Idempotency-Key: 1 to 255 printable characters. With it the line can be sent again.',
      }),
    ),
  },
  {
    additionalProperties: false,
    ...describedOnly({ ...LINES_ONCE, not: { required: ['order_id', 'idempotency_key'] } }),
    examples: [{ idempotency_key: 'row-1', user_id: '101', item_ids: ['5', '6'], total_amount: 299.99 }],
  },
);
export type ImportLine = Static<typeof ImportLine>;

export const ImportResult = Type.Object(
  {
    line: Type.Integer({ minimum: 1, description: 'Counted from 1, blank lines too.' }),
    status: Type.Integer({ description: 'What POST /orders would have answered.' }),
    order_id: orNull(Type.String()),
    code: orNull(Code),
  },
  { additionalProperties: false },
);
export const EXAMPLE_IMPORT_RESULT = { line: 1, status: 201, order_id: 'k_6UJQy2Lr0Ck3xY5V0b1cEw4nq8yT7mJ1kP2sD9aFz3g', code: null };

export const EXPORT_FORMATS = ['ndjson', 'csv'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

const { limit: _limit, cursor: _cursor, ...filters } = ListQuerySchema.properties;
export const ExportQuery = Type.Object(
  {
    format: Type.Optional(
      Type.Unsafe<ExportFormat>({
        type: 'string',
        enum: [...EXPORT_FORMATS],
        description: 'Without it what `Accept` prefers; `ndjson` where that says nothing.',
      }),
    ),
    bom: Type.Optional(Type.Boolean({ description: 'CSV only: begin with a byte order mark, by which spreadsheets know UTF-8.' })),
    ...filters,
  },
  { additionalProperties: false },
);
