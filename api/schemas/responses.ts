// api/schemas/responses.ts: how OpenAPI describes answers: JSON with an example, and problem+json from the table of problems.ts.

import { type TSchema, Type } from 'typebox';
import { problemBody } from '../http/problem-details.ts';
import { PROBLEM_CODES, PROBLEMS, type ProblemCode } from '../http/problems.ts';

export const ProblemSchema = Type.Object(
  {
    type: Type.String({ description: 'A link to the description of the code.' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    code: Type.Unsafe<ProblemCode>({ type: 'string', enum: PROBLEM_CODES }),
    error: Type.String({ description: 'Repeats detail.' }),
    request_id: Type.String({ description: 'Also the header X-Request-Id.' }),
    errors: Type.Optional(
      Type.Array(Type.Object({ path: Type.String(), message: Type.String() }, { additionalProperties: false }), {
        description: 'With VALIDATION_FAILED: what is wrong and where.',
      }),
    ),
    order_request_id: Type.Optional(
      Type.String({ description: 'With LOG_UNAVAILABLE on a command: the request that it may have become.' }),
    ),
    order_id: Type.Optional(Type.String({ description: 'With LOG_UNAVAILABLE on a submission: the order that it may have become.' })),
  },
  { $id: 'Problem', additionalProperties: false },
);

interface Described {
  description: string;
  schema: TSchema;
  example?: unknown;
  /** Response headers, by name. */
  headers?: Record<string, string>;
}

export const jsonResponse = ({ description, schema, example, headers }: Described) => ({
  description,
  ...(headers === undefined ? {} : { headers: headerSchemas(headers) }),
  content: { 'application/json': { schema, ...(example === undefined ? {} : { example }) } },
});

/** An answer without a body. */
export const emptyResponse = (description: string, headers: Record<string, string> = {}) => ({
  description,
  type: 'null',
  headers: headerSchemas(headers),
});

/** The same answers; those with one of the statuses have the headers as well. */
export const withHeaders = (
  responses: Readonly<Record<string, TSchema>>,
  statuses: readonly string[],
  headers: Record<string, string>,
): Record<string, TSchema> =>
  Object.fromEntries(
    Object.entries(responses).map(([status, response]) => [
      status,
      statuses.includes(status) ? { ...response, headers: headerSchemas(headers) } : response,
    ]),
  );

const headerSchemas = (headers: Record<string, string>) =>
  Object.fromEntries(Object.entries(headers).map(([name, description]) => [name, { type: 'string', description }]));

const EXAMPLE_REQUEST_ID = '0199a1f0-7d2e-7b00-8000-000000000001';

const exampleOf = (code: ProblemCode) => {
  const extras = code === 'VALIDATION_FAILED' ? { errors: [{ path: '/total_amount', message: 'must be number' }] } : {};
  return { summary: PROBLEMS[code].title, value: problemBody(code, PROBLEMS[code].meaning, EXAMPLE_REQUEST_ID, extras) };
};

// What any route may answer: a defect, a caller or a host without the right, too many requests, a request that is not HTTP, a header that
// contradicts itself, a key where none is taken, a body in a form that none reads.
const EVERYWHERE: readonly ProblemCode[] = [
  'MALFORMED_REQUEST',
  'VALIDATION_FAILED',
  'KEY_NOT_SUPPORTED',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'UNSUPPORTED_MEDIA_TYPE',
  'RATE_LIMITED',
  'INTERNAL',
];
/** Of a method that may have a body, where the route asks for none. */
export const BODY_PROBLEMS = ['MALFORMED_JSON', 'PAYLOAD_TOO_LARGE'] as const satisfies readonly ProblemCode[];

/** The error responses of a route, by status: each with every code that the status can have there, and an example of each. */
export const problemResponses = (...codes: readonly ProblemCode[]): Record<string, TSchema> => {
  const byStatus = Map.groupBy([...new Set([...codes, ...EVERYWHERE])], (code) => PROBLEMS[code].status);
  const entries = [...byStatus].map(([status, together]) => [
    String(status),
    {
      description: together.map((code) => `\`${code}\`: ${PROBLEMS[code].title}`).join('. '),
      content: {
        'application/problem+json': {
          schema: { $ref: 'Problem#' },
          examples: Object.fromEntries(together.map((code) => [code, exampleOf(code)])),
        },
      },
    },
  ]);
  return Object.fromEntries(entries) as Record<string, TSchema>;
};
