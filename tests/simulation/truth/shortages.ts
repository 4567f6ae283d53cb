// tests/simulation/truth/shortages.ts: too little stock is an answer to one question only.
// Whoever is told so was looked up in the ledger for it, because units may have come in since the last time.

import type { Ledger } from '../../../processor/ledger/ledger.ts';
import type { Simulation } from '../kernel/simulation.ts';
import type { TrueEvent } from './truth.ts';

export interface Shortages {
  /** The same, and each time that it finds too little is counted. */
  watched: (moveStock: Ledger['moveStock']) => Ledger['moveStock'];
  /** The log says so to somebody. */
  take: (taken: TrueEvent) => void;
}

const OUT_OF_STOCK = 'OUT_OF_STOCK';

export const createShortages = (sim: Simulation): Shortages => {
  /** By order: how often the ledger found too little for it and nobody was told yet. */
  const found = new Map<string, number>();
  return {
    watched:
      (moveStock) =>
      async (...asked) => {
        const decisions = await moveStock(...asked);
        const [, steps] = asked;
        for (const [index, { orderId }] of steps.entries())
          if (decisions[index] === 'out-of-stock') found.set(orderId, (found.get(orderId) ?? 0) + 1);
        return decisions;
      },
    take: ({ event, effect }) => {
      const isSaid =
        (event.name === 'OrderRejected' && effect === 'applied') || (event.name === 'OrderRequestRefused' && effect === 'refusal');
      if (!isSaid || event.data.code !== OUT_OF_STOCK) return;
      const left = (found.get(event.orderId) ?? 0) - 1;
      if (left < 0) sim.violate(`${event.orderId} is told that there is too little stock, and the ledger was not asked`);
      found.set(event.orderId, left);
    },
  };
};
