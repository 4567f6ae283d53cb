// tests/simulation/truth/attempts.ts: what the endpoint of fulfilment sees of one process.
// Never more attempts at once, nor more of one order, than it was promised, and none while it has just failed again and again for several
// orders.

import type { Attempt } from '../../../processor/fulfilment/fulfilment.ts';
import type { Order } from '../../../shared/order/order.ts';
import type { Simulation } from '../kernel/simulation.ts';

export interface AttemptsWatch {
  /** An attempt begins; the returned function hears what came of it. */
  begin: (order: Order) => (outcome: Awaited<ReturnType<Attempt>>) => void;
  /** Partitions were taken over: their orders begin again. */
  anew: () => void;
}

export interface AttemptsLimits {
  atOnce: number;
  /** Failures that the order may have caused. */
  ofOneOrder: number;
}

// As processor/fulfilment/circuit-breaker.ts has them.
const FAILURES_MAX = 5;
const PAUSE_MIN_MS = 500;

export const createAttemptsWatch = (sim: Simulation, name: string, { atOnce, ofOneOrder }: AttemptsLimits): AttemptsWatch => {
  let failedOf = new Map<string, number>();
  /** The failures since the endpoint last answered: of which orders they were; null: of none. */
  let failures: (string | null)[] = [];
  let underWay = 0;
  let pause = { from: -1, until: 0 };

  const fail = (orderId: string | null, begunAt: number): void => {
    if (begunAt <= pause.from) return; // says nothing new
    failures.push(orderId);
    const isOfOneOrder = new Set(failures).size === 1 && orderId !== null;
    if (failures.length >= FAILURES_MAX && !isOfOneOrder) pause = { from: sim.now(), until: sim.now() + PAUSE_MIN_MS };
  };
  return {
    begin: (order) => {
      const life = `${order.orderId} ${order.version}`;
      const begunAt = sim.now();
      const counted = failedOf; // what was begun before a take-over does not count after it
      underWay += 1;
      if (underWay > atOnce) sim.violate(`${name} has ${underWay} attempts under way`);
      if ((failedOf.get(life) ?? 0) >= ofOneOrder) sim.violate(`${name} tries ${order.orderId} again after ${ofOneOrder} failures`);
      if (begunAt < pause.until) sim.violate(`${name} tries ${order.orderId} at an endpoint that has just failed ${failures.length} times`);
      return (outcome) => {
        underWay -= 1;
        if (outcome.outcome === 'retry' && outcome.blames !== 'answer') {
          if (outcome.blames === 'order') counted.set(life, (counted.get(life) ?? 0) + 1);
          fail(outcome.blames === 'order' ? order.orderId : null, begunAt);
          return;
        }
        failures = [];
        pause = { from: -1, until: 0 };
      };
    },
    anew: () => {
      failedOf = new Map();
    },
  };
};
