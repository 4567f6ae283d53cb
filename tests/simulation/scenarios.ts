// tests/simulation/scenarios.ts: the worlds: each a mixture of roles, clients and faults that is dense in one kind of trouble.

import { commandsWorld } from './scenarios/commands.ts';
import { feedWorld } from './scenarios/feed.ts';
import { longOpenWorld } from './scenarios/long-open.ts';
import { ordersWorld } from './scenarios/orders.ts';
import { productsWorld } from './scenarios/products.ts';
import { projectorWorld } from './scenarios/projector.ts';
import { stockWorld } from './scenarios/stock.ts';

/** Resolves with what was wrong; nothing, if all is well. */
export type RunWorld = (seed: number, onTrace?: (line: string) => void) => Promise<string[]>;

export const WORLDS: Readonly<Record<string, RunWorld>> = {
  orders: ordersWorld,
  commands: commandsWorld,
  stock: stockWorld,
  feed: feedWorld,
  projector: projectorWorld,
  products: productsWorld,
  'long-open': longOpenWorld,
};
