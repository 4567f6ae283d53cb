// tests/simulation/planted/worlds/worlds.ts: the simulated worlds in which planted bugs are looked for, by name. Each takes a seed and
// returns what it found to be wrong: nothing, on the product as it is.

import { productWorld } from '../../../support/product-world.ts';
import { WORLDS } from '../../worlds.ts';
import { feed } from './feed.ts';
import { http, overload } from './http.ts';
import { ledger } from './ledger.ts';
import { calm, carried, crashes, strays, zombies } from './orders.ts';
import { anotherLog, projector } from './projector.ts';
import { queue } from './queue.ts';
import { stock, stockRebuilt } from './stock.ts';

const whole = Object.entries(WORLDS).map(([name, run]) => [`whole-${name}`, run] as const);

export const PLANTED_WORLDS: Readonly<Record<string, (seed: number) => Promise<string[]>>> = {
  calm,
  crashes,
  carried,
  zombies,
  strays,
  stock,
  'stock-rebuilt': stockRebuilt,
  ledger,
  products: async (seed) => (await productWorld(seed)).violations,
  projector,
  'another-log': anotherLog,
  http,
  overload,
  feed,
  queue,
  ...Object.fromEntries(whole),
};
