// api/access/call-context.ts: what all records of one HTTP request share: the caller, and the ids by which its work is traced.

import type { FastifyRequest } from 'fastify';
import { type Caller, callerOf } from './caller.ts';

export interface CallContext {
  caller: Caller;
  correlationId: string | null;
  /** W3C Trace Context; null when the client sent none, or one that is not valid. */
  traceparent: string | null;
}

const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

export const callContextOf = (request: FastifyRequest): CallContext => {
  const { traceparent } = request.headers;
  return {
    caller: callerOf(request),
    correlationId: request.id,
    traceparent: typeof traceparent === 'string' && TRACEPARENT.test(traceparent) ? traceparent : null,
  };
};
