// tests/simulation/worlds.ts: the worlds: each a mixture of roles, clients and faults that is dense in one kind of trouble. A world takes a
// seed and resolves with what was wrong; nothing, if all is well.

import { ordersWorld } from './worlds/orders.ts';

export type RunWorld = (seed: number, onTrace?: (line: string) => void) => Promise<string[]>;

export const WORLDS: Record<string, RunWorld> = {
  orders: ordersWorld,
};
