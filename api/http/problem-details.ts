// api/http/problem-details.ts: turns errors into application/problem+json (RFC 9457); no other file does.
// An unknown failure is logged and answered as INTERNAL; nothing of its message or stack ever leaves the process.

import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { AppError, type AppErrorCode } from '../../shared/runtime/app-error.ts';
import type { Logger } from '../../shared/runtime/logger.ts';
import { PROBLEMS, Problem, type ProblemCode, type ProblemExtras } from './problems.ts';

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';
// Long enough for a leader election or a restart to be under way, short enough that no client gives up.
const RETRY_AFTER_S = 1;

const OPERATING: Partial<Record<AppErrorCode, ProblemCode>> = {
  APPEND_OUTCOME_UNKNOWN: 'LOG_UNAVAILABLE',
  LOG_UNAVAILABLE: 'LOG_UNAVAILABLE',
  UNKNOWN_EVENT_TYPE: 'LOG_UNAVAILABLE',
  LOG_OVERLOADED: 'OVERLOADED',
  DATABASE_UNAVAILABLE: 'READ_MODEL_UNAVAILABLE',
  PASSWORDS_OVERLOADED: 'OVERLOADED',
};

const OPERATING_DETAIL: Partial<Record<AppErrorCode, string>> = {
  APPEND_OUTCOME_UNKNOWN: 'The log did not answer in time.',
  LOG_UNAVAILABLE: 'The log did not answer in time.',
  UNKNOWN_EVENT_TYPE: 'This instance cannot read all of the log: a newer version has written to it.',
  LOG_OVERLOADED: 'Too many submissions are waiting.',
  DATABASE_UNAVAILABLE: 'The database did not answer in time.',
  PASSWORDS_OVERLOADED: 'Too many passwords are being checked.',
};

// https://fastify.dev/docs/latest/Reference/Errors/
const FRAMEWORK: Readonly<Record<string, { code: ProblemCode; detail: string }>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: { code: 'UNSUPPORTED_MEDIA_TYPE', detail: 'The body has a content type that this route does not take.' },
  FST_ERR_CTP_EMPTY_JSON_BODY: { code: 'MALFORMED_JSON', detail: 'The body is empty.' },
  FST_ERR_CTP_INVALID_JSON_BODY: { code: 'MALFORMED_JSON', detail: 'The body is not valid JSON.' },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    code: 'MALFORMED_REQUEST',
    detail: 'The body is not as long as Content-Length says.',
  },
  FST_ERR_BAD_URL: { code: 'MALFORMED_REQUEST', detail: 'The path is not a valid URL path.' },
  FST_ERR_MAX_PARAM_LENGTH: { code: 'ROUTE_NOT_FOUND', detail: 'There is no such route.' },
};

/** What a failure is to the caller; null for a defect of ours. */
export const problemOf = (error: Error): Problem | null => {
  if (error instanceof Problem) return error;
  if (error instanceof AppError) {
    const code = OPERATING[error.code];
    return code === undefined ? null : new Problem(code, OPERATING_DETAIL[error.code]!);
  }
  const { code, statusCode } = error as Partial<FastifyError>;
  const known = code === undefined ? undefined : FRAMEWORK[code];
  if (known !== undefined) return new Problem(known.code, known.detail);
  // The JSON parser's own errors: a syntax error, or a `__proto__` key.
  return error instanceof SyntaxError && statusCode === 400 ? new Problem('MALFORMED_JSON', 'The body is not valid JSON.') : null;
};

/** The body, in the order of the contract. */
export const problemBody = (
  code: ProblemCode,
  detail: string,
  requestId: string,
  { errors, orderId, requestId: commandId }: ProblemExtras = {},
) => ({
  type: `/docs/errors#${code}`,
  title: PROBLEMS[code].title,
  status: PROBLEMS[code].status,
  detail,
  code,
  error: detail,
  request_id: requestId,
  ...(errors === undefined ? {} : { errors }),
  ...(orderId === undefined ? {} : { order_id: orderId }),
  // The member `request_id` is that of the HTTP request.
  ...(commandId === undefined ? {} : { order_request_id: commandId }),
});

/** With the limit of the route, which the error itself does not know. */
const bodyTooLarge = (error: Partial<FastifyError>, { routeOptions }: FastifyRequest): Problem | null =>
  error.code === 'FST_ERR_CTP_BODY_TOO_LARGE'
    ? new Problem('PAYLOAD_TOO_LARGE', `The body is larger than the ${routeOptions.bodyLimit} bytes that this route takes.`)
    : null;

/** Fastify's error handler. */
export const createErrorHandler =
  (logger: Logger) =>
  (error: Error, request: FastifyRequest, reply: FastifyReply): void => {
    const problem = bodyTooLarge(error, request) ?? problemOf(error) ?? new Problem('INTERNAL', 'Something went wrong on our side.');
    if (problem.code === 'INTERNAL')
      logger.error({ err: error, request_id: request.id, route: request.routeOptions?.url }, 'request failed');
    const { status } = PROBLEMS[problem.code];
    // Frameworks' errors from before the hooks come without the header.
    reply.code(status).header('x-request-id', request.id).type(PROBLEM_TYPE);
    if (status === 503) reply.header('retry-after', RETRY_AFTER_S);
    for (const [name, value] of Object.entries(problem.extras.headers ?? {})) reply.header(name, value);
    reply.send(JSON.stringify(problemBody(problem.code, problem.message, request.id, problem.extras)));
  };
