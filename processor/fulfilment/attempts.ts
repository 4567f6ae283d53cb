// processor/fulfilment/attempts.ts: fulfils orders by attempts that may fail: how many at once, how often, how far apart.
// Whether an attempt may go now, circuit-breaker.ts says. An order that waits here never holds up another. All time is the clock's.

import type { Order } from '../../shared/order/order.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { type BackOff, backOffMs } from './back-off.ts';
import { type CircuitState, createCircuit, type Pass } from './circuit-breaker.ts';
import type { Attempt, AttemptCode, Fulfil, Fulfilled } from './fulfilment.ts';

export interface FulfilmentAttemptsOptions {
  attempt: Attempt;
  /** Attempts of one order that may fail before it is given up. */
  attemptsMax: number;
  /** Attempts of all orders that may be under way at once, and so the connections that the endpoint sees. */
  concurrency: number;
  /** Between two attempts of one order. An endpoint's own wish is heard up to `maxMs`. */
  backOff: BackOff;
  clock: Clock;
  /** From 0 to 1, like Math.random. */
  random: () => number;
  onAttempt: (outcome: 'done' | 'accepted' | AttemptCode) => void;
  onCircuit: (state: CircuitState) => void;
}

interface WaitingOrder {
  isWanted: () => boolean;
  /** Null: not wanted any more. */
  go: (pass: Pass | null) => void;
}

const UNWANTED: Fulfilled = { outcome: 'unwanted' };

/**
 * Resolves with `failed` when an attempt failed for good or `attemptsMax` of them failed. An attempt that fails while the
 * circuit is open and that no order can have caused does not count: an outage parks no order.
 */
export const createFulfilmentAttempts = (options: FulfilmentAttemptsOptions): Fulfil => {
  const { clock, random, concurrency } = options;
  // In the order in which they came. Bounded by the orders in processing.
  const waiting = new Set<WaitingOrder>();
  let underWay = 0;

  const startWaiting = (): void => {
    for (const next of waiting) {
      if (underWay >= concurrency) return;
      const isWanted = next.isWanted();
      const pass = isWanted ? circuit.admit() : null;
      if (isWanted && pass === null) return;
      waiting.delete(next);
      if (pass !== null) underWay += 1;
      next.go(pass);
    }
  };
  const dropUnwanted = (): void => {
    for (const each of waiting) {
      if (each.isWanted()) continue;
      waiting.delete(each);
      each.go(null);
    }
  };
  const circuit = createCircuit({
    clock,
    random,
    onChange: options.onCircuit,
    onHalfOpen: () => {
      dropUnwanted(); // once in a while: in a long outage those who were cancelled would gather here
      startWaiting();
    },
  });

  const turn = (isWanted: () => boolean): Promise<Pass | null> =>
    new Promise((go) => {
      waiting.add({ isWanted, go });
      startWaiting();
    });
  const pause = (ms: number): Promise<void> => new Promise((resolve) => clock.after(ms, resolve));

  const attemptOnce = async (order: Order, pass: Pass): ReturnType<Attempt> => {
    const attempted = await options.attempt(order);
    underWay -= 1;
    options.onAttempt('failure' in attempted ? attempted.failure.code : attempted.outcome);
    if (attempted.outcome !== 'retry' || attempted.blames === 'answer') circuit.answered();
    else circuit.failed(pass, order.orderId, attempted.blames);
    startWaiting();
    return attempted;
  };

  return async (order, isWanted) => {
    let attempts = 0;
    for (;;) {
      const pass = await turn(isWanted);
      if (pass === null) return UNWANTED;
      const attempted = await attemptOnce(order, pass);
      if (attempted.outcome === 'done' || attempted.outcome === 'accepted') return attempted;
      const { failure } = attempted;
      if (attempted.outcome === 'failed') return { outcome: 'failed', failure, attempts: attempts + 1 };
      if (pass !== 'probe' || attempted.blames !== 'endpoint') attempts += 1;
      if (attempts >= options.attemptsMax) return { outcome: 'failed', failure, attempts };
      const asked = Math.min(attempted.afterMs, options.backOff.maxMs);
      await pause(Math.max(asked, backOffMs(random, options.backOff, Math.max(1, attempts))));
    }
  };
};
