// tests/simulation/worlds.ts: the worlds: each a mixture of roles, clients and faults that is dense in one kind of trouble.

import { commandsWorld } from './worlds/commands.ts';
import { feedWorld } from './worlds/feed.ts';
import { longOpenWorld } from './worlds/long-open.ts';
import { ordersWorld } from './worlds/orders.ts';
import { productsWorld } from './worlds/products.ts';
import { projectorWorld } from './worlds/projector.ts';
import { stockWorld } from './worlds/stock.ts';

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
