// api/bulk/import-orders.ts: POST /orders/import without HTTP: one line of the request becomes one line of the answer.
// A line is checked and submitted exactly as a body of POST /orders is; an error in one line is its result and never stops the others.

import type { Logger } from '../../shared/runtime/logger.ts';
import type { CallContext } from '../access/call-context.ts';
import { BODY_BYTES_MAX } from '../access/operations.ts';
import { shapeProblem } from '../http/bodies/json-shape.ts';
import { problemOf } from '../http/problem-details.ts';
import { PROBLEMS, Problem, type ProblemCode } from '../http/problems.ts';
import { createValidatorCompiler } from '../http/validation.ts';
import { refusalOf, submissionOf } from '../orders/submission.ts';
import type { SubmitOrder, Submitted } from '../orders/submit-order.ts';
import type { BulkGate } from '../overload/bulk-gate.ts';
import { idempotencyKeyOf } from '../requests/idempotency-key.ts';
import { ImportLine } from '../schemas/bulk.ts';
import { inOrder } from './in-order.ts';
import { type Line, linesOf } from './split-lines.ts';
import { createTurns } from './take-turns.ts';

export interface LineResult {
  line: number;
  /** As POST /orders would have answered. */
  status: number;
  order_id: string | null;
  code: ProblemCode | null;
}

export interface ImportLinesOptions {
  submitOrder: SubmitOrder;
  gate: Pick<BulkGate, 'enter' | 'leave'>;
  logger: Logger;
}

/** Results in the order of the lines; those that are ready come together. Blank lines have none. */
export type ImportLines = (body: AsyncIterable<Buffer>, context: CallContext) => AsyncGenerator<LineResult[]>;

// Lines that wait for the log, or for the client to take their results: normalised orders of at most some 20 KB.
const LINES_UNDER_WAY_MAX = 200;
// JSON's own (RFC 8259).
const WHITESPACE = new Set(Buffer.from(' \t\r\n'));
// Bytes that are no UTF-8 are refused, not replaced: an order must not say what its client did not write.
const utf8 = new TextDecoder('utf-8', { fatal: true });

export const createImportLines = ({ submitOrder, gate, logger }: ImportLinesOptions): ImportLines => {
  const validate = createValidatorCompiler()({ schema: ImportLine });
  const turns = createTurns();

  const parse = (bytes: Buffer): ImportLine => {
    const value = parseJson(bytes);
    const valid = validate(value);
    if (valid !== true) throw valid.error;
    return value as ImportLine;
  };
  const submit = async ({ number: at, bytes }: Line, context: CallContext): Promise<LineResult> => {
    if (bytes === null) return refused(at, new Problem('PAYLOAD_TOO_LARGE', 'The line is longer than 64 KiB.'));
    try {
      const { idempotency_key, ...body } = parse(bytes);
      const submission = submissionOf(body, idempotencyKeyOf(idempotency_key), context);
      if (!(await gate.enter())) return refused(at, refusalOf({ outcome: 'overloaded' }));
      return resultOf(at, await submitOrder(submission).finally(gate.leave));
    } catch (error) {
      const problem = problemOf(error as Error);
      if (problem === null) logger.error({ err: error, line: at }, 'a line of an import failed');
      return refused(at, problem ?? new Problem('INTERNAL', 'Something went wrong on our side.'));
    }
  };

  return (body, context) =>
    inOrder({
      inputs: filled(turns.ofLines(linesOf(turns.ofBytes(body), BODY_BYTES_MAX.order))),
      work: (line) => submit(line, context),
      limit: LINES_UNDER_WAY_MAX,
    });
};

async function* filled(lines: AsyncIterable<Line>): AsyncGenerator<Line> {
  for await (const line of lines) if (line.bytes === null || !isBlank(line.bytes)) yield line;
}

const isBlank = (bytes: Buffer): boolean => bytes.every((byte) => WHITESPACE.has(byte));

const parseJson = (bytes: Buffer): unknown => {
  try {
    const text = utf8.decode(bytes);
    const problem = shapeProblem(text);
    if (problem !== null) throw problem;
    return JSON.parse(text);
  } catch (error) {
    throw error instanceof Problem ? error : new Problem('MALFORMED_JSON', 'The line is not valid JSON.');
  }
};

const resultOf = (line: number, result: Submitted): LineResult => {
  if (result.outcome === 'created') return { line, status: 201, order_id: result.created.orderId, code: null };
  if (result.outcome === 'pending') return { line, status: 202, order_id: result.orderId, code: null };
  return refused(line, refusalOf(result));
};

const refused = (line: number, { code, extras }: Problem): LineResult => ({
  line,
  status: PROBLEMS[code].status,
  order_id: extras.orderId ?? null,
  code,
});
