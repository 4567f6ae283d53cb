// tests/support/faults/network/injections.ts: faults that hit single answers of the broker, each with the count of what was really hit.
// So no test passes because nothing happened.

import { eventually } from '../../eventually.ts';
import { FETCH, failFetched, failProduced, PRODUCE, type Request, refusalOf } from './kafka-frames.ts';
import type { KafkaProxy, Verdict } from './kafka-proxy.ts';

const HIT_LIMIT_MS = 60_000;

export interface Hits {
  readonly count: number;
}

/** Goes on until each has struck so often: a slow machine puts the same orders into fewer requests. */
export const untilHit = async (hits: readonly Hits[], times: number, what: string): Promise<void> => {
  await eventually(() => hits.every(({ count }) => count >= times), { what: `${times} ${what}`, timeoutMs: HIT_LIMIT_MS });
};

/** Every `every`th answer to this kind of request meets `verdict`. What was asked for has happened by then. */
export const hitAnswers = (proxy: KafkaProxy, apiKey: number, { every, verdict }: { every: number; verdict: Verdict }): Hits => {
  const hits = { count: 0 };
  let seen = 0;
  proxy.onResponse((_, request) => {
    if (request.apiKey !== apiKey) return 'pass';
    seen += 1;
    if (seen % every !== 0) return 'pass';
    hits.count += 1;
    return verdict;
  });
  return hits;
};

/** Every `every`th answer to an append or a fetch says that the broker failed with this code, although it did not. */
export const failAnswers = (proxy: KafkaProxy, apiKey: number, { every, errorCode }: { every: number; errorCode: number }): Hits => {
  const hits = { count: 0 };
  let seen = 0;
  proxy.onResponse((response, request) => {
    if (request.apiKey !== apiKey) return 'pass';
    seen += 1;
    if (seen % every === 0) hits.count += changed(response, request, errorCode) > 0 ? 1 : 0;
    return 'pass';
  });
  return hits;
};
const changed = (response: Buffer, request: Request, errorCode: number): number => {
  if (request.apiKey === PRODUCE) return failProduced(response, request, errorCode);
  if (request.apiKey === FETCH) return failFetched(response, request, errorCode);
  throw new Error(`No error is known for requests of the kind ${request.apiKey}.`);
};

/** Every `every`th append is not passed to the broker, and answered with this code. */
export const refuseAppends = (proxy: KafkaProxy, { every, errorCode }: { every: number; errorCode: number }): Hits => {
  const hits = { count: 0 };
  let seen = 0;
  proxy.onRequest((request) => {
    if (request.apiKey !== PRODUCE) return 'pass';
    seen += 1;
    if (seen % every !== 0) return 'pass';
    hits.count += 1;
    return { answer: refusalOf(request, errorCode) };
  });
  return hits;
};
