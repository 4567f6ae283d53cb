// api/schemas/response-headers.ts: the headers that come with the answers of many routes, as OpenAPI shows them.
// Headers of one route are in its schema; those that mean the same in all of HTTP (Vary, Cache-Control and so on) are not described.

interface Response {
  headers?: Readonly<Record<string, object>>;
}
export interface Answered {
  parameters?: readonly { in: string; name: string }[];
  responses: Readonly<Record<string, Response>>;
}

const text = (description: string) => ({ description, schema: { type: 'string' } });
const count = (description: string) => ({ description, schema: { type: 'integer', minimum: 0 } });

/** For `components.headers`. */
export const COMMON_HEADERS = {
  'X-Request-Id': text('The id of the request: yours if you sent a well-formed one.'),
  'RateLimit-Limit': count('How many requests a second the caller may send.'),
  'RateLimit-Remaining': count('How many of them are left.'),
  'RateLimit-Reset': count('After how many seconds there are all of them again.'),
  'WWW-Authenticate': text('The schemes by which a caller can say who they are.'),
  'Retry-After': count('After how many seconds it is worth another try.'),
  Upgrade: text('`websocket`.'),
  Consistency: text('`stale`: the answer does not contain yet what the Consistency-Token stands for.'),
  'Idempotent-Replayed': text('`true`: an earlier request with this Idempotency-Key had this answer.'),
};
type HeaderName = keyof typeof COMMON_HEADERS;

const RATE_LIMIT: readonly HeaderName[] = ['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset'];
const OF_STATUS: Readonly<Record<string, readonly HeaderName[]>> = {
  401: ['WWW-Authenticate'],
  426: ['Upgrade'],
  429: ['Retry-After'],
  503: ['Retry-After'],
};

/** `rateLimited`: with AUTH=required, where callers are counted. */
export const withCommonHeaders = <Described extends Answered>(operation: Described, rateLimited: boolean): Described => {
  const takes = (where: string, name: string) => operation.parameters?.some((each) => each.in === where && each.name === name);
  const everywhere: HeaderName[] = [
    'X-Request-Id',
    ...(rateLimited ? RATE_LIMIT : []),
    ...(takes('query', 'after') ? (['Consistency'] as const) : []),
    ...(takes('header', 'idempotency-key') ? (['Idempotent-Replayed'] as const) : []),
  ];
  const responses = Object.entries(operation.responses).map(([status, response]) => {
    const names = [...everywhere, ...(OF_STATUS[status] ?? [])];
    const common = Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
    return [status, { ...response, headers: { ...common, ...response.headers } }];
  });
  return { ...operation, responses: Object.fromEntries(responses) };
};
