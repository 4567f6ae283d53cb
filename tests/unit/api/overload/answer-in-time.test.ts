// The one limit of a request: it is answered, whatever its waits add up to.

import { describe, expect, it } from 'vitest';
import { encodeProductEvent } from '../../../../shared/log/codec/product-codec.ts';
import { productEvent } from '../../../support/builders/product-events.ts';
import { startApiInMemory } from '../../../support/in-memory/api.ts';
import { inSteeredTime, pass, passUntil } from '../../../support/steered-time.ts';

const DECISION_WAIT_MS = 5_000;
const ANSWER_MAX_MS = 10_000 + DECISION_WAIT_MS;
const never = () => new Promise<never>(() => {});

describe('a request whose handler does not come to an end', () => {
  it.each([
    ['GET', '/orders', 'READ_MODEL_UNAVAILABLE'],
    ['GET', '/orders/metrics', 'READ_MODEL_UNAVAILABLE'],
    ['PUT', '/products/lamp', 'LOG_UNAVAILABLE'],
  ] as const)('%s %s is answered after fifteen seconds with %s', (method, url, code) =>
    inSteeredTime(async () => {
      const api = await startApiInMemory({ decisionWaitMs: DECISION_WAIT_MS });
      const lamp = productEvent('ProductCreated', 'lamp', { data: { name: 'Lamp', price_minor: 1999, stock: 10 } });
      api.productLog.land(encodeProductEvent(lamp, 'products'));
      while (api.catalogue.get('lamp') === undefined) await pass(10);
      Object.assign(api.readModel, { page: never, counters: never });
      Object.assign(api.products.store, { verdict: never });
      const answer = api.app.inject({
        method,
        url,
        headers: { 'content-type': 'application/json', ...(method === 'PUT' ? { 'idempotency-key': 'k' } : {}) },
        ...(method === 'PUT' ? { payload: '{"price": 1}' } : {}),
      });
      const startedAt = performance.now();
      const answered = await passUntil(answer, 'an answer');
      expect(performance.now() - startedAt).toBeGreaterThanOrEqual(ANSWER_MAX_MS); // the waits of its parts are shorter
      expect(answered.json()).toMatchObject({ status: 503, code });
      expect(answered.headers['retry-after']).toBe('1');
      await api.stop();
    })(),
  );
});
