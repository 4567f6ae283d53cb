// processor/fulfilment/http-fulfilment.ts: one attempt to fulfil an order: a POST to FULFILMENT_URL with the order as clients see it.
// Its Idempotency-Key is the order id. Of the answer its status counts, and of a 202 the `reference` in its body.

import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { REFERENCE_MAX } from '../../shared/order/event-schemas.ts';
import { orderView } from '../../shared/order/order-view.ts';
import { type Accepted, type Attempt, DONE, type FailedForGood, type Failure, type RetryLater } from './fulfilment.ts';

export interface HttpFulfilmentOptions {
  /** http or https; a user and password in it are sent as Basic authorization. */
  url: string;
  /** From the connection to the end of the answer. */
  timeoutMs: number;
  connectionsMax: number;
  /** A 202 has a `reference` that is none; the order counts as accepted without one. */
  onStrangeReference: (orderId: string) => void;
}

// Statuses that say "not now" and nothing about the order: https://www.rfc-editor.org/rfc/rfc9110#section-15.5.9, RFC 8470, RFC 6585. To a key
// that was sent before, 409 says that its first request is still under way, and 423 (RFC 4918) that something holds it.
const NOT_NOW = new Set([408, 409, 423, 425, 429]);
// What a gateway says when what is behind it is away, and what a deploy says that lost its credentials or its path: no order is the cause,
// and none is parked for it. A 500 may well be this one order's doing.
const ENDPOINTS_FAULT = new Set([401, 403, 404, 502, 503, 504]);
// No connection came about: no order has anything to do with it. A connection that broke later may have been broken by the order.
const NO_CONNECTION = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT']);
const ACCEPTED = 202;
// A connection can be used again once its answer was read. Longer ones are not read: those connections are closed instead.
const ANSWER_READ_MAX_BYTES = 16_384;

/** Never more than `connectionsMax` connections; they are kept and used again. */
export const httpFulfilment = ({ url, timeoutMs, connectionsMax, onStrangeReference }: HttpFulfilmentOptions): Attempt => {
  const { protocol } = new URL(url);
  const { request, Agent } = protocol === 'https:' ? https : http;
  const agent = new Agent({ keepAlive: true, maxSockets: connectionsMax });
  return (order) =>
    new Promise((resolve) => {
      if (!isHeaderValue(order.orderId)) return resolve(UNSENDABLE);
      const headers = { 'content-type': 'application/json', 'user-agent': 'order-service', 'idempotency-key': order.orderId };
      const sent = request(url, { method: 'POST', agent, headers });
      let answer: IncomingMessage | null = null;
      const limit = setTimeout(() => sent.destroy(new TimedOut()), timeoutMs);
      const settle = (attempted: Awaited<ReturnType<Attempt>>): void => {
        clearTimeout(limit);
        resolve(attempted);
      };
      sent.once('response', (response) => {
        answer = response;
        readAway(response, (body) => {
          const isAccepted = response.statusCode === ACCEPTED;
          settle(isAccepted ? acceptedBy(body, () => onStrangeReference(order.orderId)) : outcomeOf(response));
        });
      });
      sent.on('error', (error: NodeJS.ErrnoException) => {
        if (answer === null) settle(unanswered(error, timeoutMs));
      });
      sent.end(JSON.stringify(orderView(order)));
    });
};

class TimedOut extends Error {}

// Our apis give no such id, but other programs may write events.
const UNSENDABLE: FailedForGood = {
  outcome: 'failed',
  failure: { code: 'FULFILMENT_REFUSED', detail: 'The id of this order cannot be sent as an Idempotency-Key.' },
};

const isHeaderValue = (text: string): boolean => {
  try {
    http.validateHeaderValue('idempotency-key', text);
    return true;
  } catch {
    return false;
  }
};

/** Calls back once, at the end of the body or where we stop reading it. Its status counts, whatever becomes of the rest. */
const readAway = (response: IncomingMessage, done: (body: Buffer) => void): void => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > ANSWER_READ_MAX_BYTES) response.destroy();
    else chunks.push(chunk);
  });
  response.on('error', () => undefined); // "close" follows
  response.once('close', () => done(Buffer.concat(chunks)));
};

/** The body may be anything; what is no reference is none. */
const acceptedBy = (body: Buffer, onStrange: () => void): Accepted => {
  const reference = referenceIn(body.toString('utf8'));
  if (reference === null || isReference(reference)) return { outcome: 'accepted', reference };
  onStrange();
  return { outcome: 'accepted', reference: null };
};

const referenceIn = (body: string): unknown => {
  try {
    return (JSON.parse(body) as { reference?: unknown } | null)?.reference ?? null;
  } catch {
    return null;
  }
};

const REFERENCE = new RegExp(`^\\P{C}{1,${REFERENCE_MAX}}$`, 'u'); // no control characters, and nothing that cannot be stored
const isReference = (value: unknown): value is string => typeof value === 'string' && REFERENCE.test(value);

const outcomeOf = ({ statusCode: status = 0, headers }: IncomingMessage): Awaited<ReturnType<Attempt>> => {
  // One that nobody knows means what 200 means: https://www.rfc-editor.org/rfc/rfc9110#section-15
  if (status >= 200 && status < 300) return DONE;
  const failure: Failure = { code: 'FULFILMENT_FAILED', detail: `The endpoint answered ${status}.` };
  const afterMs = retryAfterMs(headers['retry-after']);
  if (NOT_NOW.has(status)) return { outcome: 'retry', failure, blames: 'answer', afterMs };
  // A redirect is a mistake in the configuration, of ours or of theirs: it concerns every order.
  if (ENDPOINTS_FAULT.has(status) || status < 400) return { outcome: 'retry', failure, blames: 'endpoint', afterMs };
  if (status >= 500) return { outcome: 'retry', failure, blames: 'order', afterMs };
  return { outcome: 'failed', failure: { ...failure, code: 'FULFILMENT_REFUSED' } } satisfies FailedForGood;
};

const unanswered = (error: NodeJS.ErrnoException, timeoutMs: number): RetryLater => {
  const later = (failure: Failure, blames: RetryLater['blames']): RetryLater => ({ outcome: 'retry', failure, blames, afterMs: 0 });
  if (error instanceof TimedOut) {
    return later({ code: 'FULFILMENT_TIMED_OUT', detail: `The endpoint did not answer within ${timeoutMs} ms.` }, 'order');
  }
  const reason = error.code ?? error.name;
  const blames = NO_CONNECTION.has(reason) ? 'endpoint' : 'order';
  return later({ code: 'FULFILMENT_UNREACHABLE', detail: `The endpoint could not be reached (${reason}).` }, blames);
};

/** Seconds or a date (RFC 9110, section 10.2.3); 0 for none, for one in the past and for nonsense. */
const retryAfterMs = (value: string | undefined): number => {
  if (value === undefined) return 0;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  return Math.max(0, Date.parse(value) - Date.now()) || 0;
};
