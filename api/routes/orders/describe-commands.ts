// api/routes/orders/describe-commands.ts: what the routes of commands.ts take and answer, as OpenAPI says it and validation checks it.
// Holds no logic.

import type { ProblemCode } from '../../http/problems.ts';
import {
  Amendment,
  Asked,
  Cancellation,
  Changed,
  EXAMPLE_ASKED,
  EXAMPLE_CHANGED,
  FulfilmentReport,
  Nothing,
  StatusChange,
} from '../../schemas/commands.ts';
import { BODY_OPTIONAL } from '../../schemas/described.ts';
import { CommandHeaders } from '../../schemas/headers.ts';
import { NoQuery, OrderPath } from '../../schemas/queries.ts';
import { jsonResponse, problemResponses, withHeaders } from '../../schemas/responses.ts';

const CONDITION =
  'With `If-Match` only if the order still has that version (412 otherwise). With `Idempotency-Key` the same request can be sent again safely: it has one effect, and the first answer is the answer for ever. Without an answer from the processor in time: 202, with where to ask.';
const PROBLEMS = [
  'VALIDATION_FAILED',
  'MALFORMED_JSON',
  'ORDER_NOT_FOUND',
  'NOT_ACCEPTABLE',
  'ILLEGAL_TRANSITION',
  'VERSION_MISMATCH',
  'IDEMPOTENCY_KEY_REUSED',
  'HISTORY_DROPPED',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'LOG_UNAVAILABLE',
  'READ_MODEL_UNAVAILABLE',
  'OVERLOADED',
] as const;

const TOKEN = { 'Consistency-Token': 'Give it as `after` to a read, so that it contains what the processor decided.' };

const described = (operationId: string, summary: string, description: string) => ({
  operationId,
  tags: ['Orders'],
  summary,
  description: `${description} ${CONDITION}`,
  params: OrderPath,
  querystring: NoQuery,
  headers: CommandHeaders,
});
const answers = (...more: readonly ProblemCode[]) => ({
  200: jsonResponse({
    description: 'The order, as the change has made it.',
    schema: Changed,
    example: EXAMPLE_CHANGED,
    headers: {
      ETag: 'The version that the change has made: `"v2"`.',
      ...TOKEN,
      'Idempotent-Replayed': '`true` if an earlier request with this key was answered so.',
    },
  }),
  202: jsonResponse({
    description: 'The request is in the log and not answered yet.',
    schema: Asked,
    example: EXAMPLE_ASKED,
    headers: { Location: 'Where to ask what became of it.', ...TOKEN },
  }),
  ...withHeaders(problemResponses(...PROBLEMS, ...more), ['409', '412', '422'], TOKEN),
});

export const statusSchema = {
  ...described(
    'updateOrderStatus',
    'Set the status of an order',
    'To `processing`, `completed` or `cancelled`, where its status allows it.',
  ),
  body: StatusChange,
  response: answers('OUT_OF_STOCK'),
};
export const cancelSchema = {
  ...described(
    'cancelOrder',
    'Cancel an order',
    'While it is open. A cancelled order stays cancelled; cancelling it again changes nothing.',
  ),
  ...BODY_OPTIONAL,
  body: Cancellation,
  response: answers(),
};
export const amendSchema = {
  ...described(
    'amendOrder',
    'Change what is ordered',
    'Replaces items and total, by the rules of a submission, while the order is pending.',
  ),
  body: Amendment,
  response: answers('TOTAL_REQUIRED', 'TOTAL_MISMATCH', 'PRICE_MISMATCH', 'UNKNOWN_PRODUCT'),
};
export const redriveSchema = {
  ...described('redriveOrder', 'Try a parked order again', 'Its fulfilment kept failing and it waits; this lets it go on.'),
  ...BODY_OPTIONAL,
  body: Nothing,
  response: answers(),
};
export const reportSchema = {
  ...described(
    'reportFulfilment',
    'Report how fulfilment has ended',
    'Of an order in processing, usually one that the endpoint of fulfilment has accepted with 202. `done` completes it, `failed` parks it. A repeated report is answered like the first; one that contradicts the end of the order is 409.',
  ),
  body: FulfilmentReport,
  response: answers('REFERENCE_MISMATCH'),
};
