// tests/simulation/scenarios.ts: the worlds by name: of the whole system, each dense in one kind of trouble, and of single roles.

import type { RunWorld } from './world.ts';

// Only what a world needs is loaded: that is most of a short run.
const LOADERS: Readonly<Record<string, () => Promise<RunWorld>>> = {
  orders: async () => (await import('./scenarios/orders.ts')).ordersWorld,
  commands: async () => (await import('./scenarios/commands.ts')).commandsWorld,
  stock: async () => (await import('./scenarios/stock.ts')).stockWorld,
  feed: async () => (await import('./scenarios/feed.ts')).feedWorld,
  projector: async () => (await import('./scenarios/projector.ts')).projectorWorld,
  products: async () => (await import('./scenarios/products.ts')).productsWorld,
  rebalances: async () => (await import('./scenarios/rebalances.ts')).rebalancesWorld,
  'ledger-loss': async () => (await import('./scenarios/ledger-loss.ts')).ledgerLossWorld,
  'log-lost-end': async () => (await import('./scenarios/lost-log.ts')).lostEnd,
  'log-lost-record': async () => (await import('./scenarios/lost-log.ts')).lostOne,
  'log-lost': async () => (await import('./scenarios/lost-log.ts')).lostAll,
  'step-back': async () => (await import('./scenarios/step-back.ts')).stepBackWorld,
  'long-open': async () => (await import('./scenarios/long-open.ts')).longOpenWorld,
  'fulfilment-later': async () => (await import('./scenarios/fulfilment-later.ts')).fulfilmentLaterWorld,
  'processor-calm': async () => (await import('./single-role/orders.ts')).calm,
  'processor-crashes': async () => (await import('./single-role/orders.ts')).crashes,
  'processor-zombies': async () => (await import('./single-role/orders.ts')).zombies,
  'processor-carried': async () => (await import('./single-role/orders.ts')).carried,
  'processor-unmatched': async () => (await import('./single-role/orders.ts')).unmatched,
  'processor-long-lives': async () => (await import('./single-role/long-lives.ts')).longLives,
  'processor-parking': async () => (await import('./single-role/parking.ts')).parking,
  'processor-stock': async () => (await import('./single-role/stock.ts')).stock,
  'processor-rebuilds': async () => (await import('./single-role/stock.ts')).stockRebuilt,
  'processor-lost-end': async () => (await import('./single-role/stock.ts')).stockLostEnd,
  'processor-foreign-products': async () => (await import('./single-role/products.ts')).foreignProducts,
  'processor-swapped-products': async () => (await import('./single-role/products.ts')).swappedProducts,
  'processor-products': async () => (await import('./single-role/products.ts')).products,
  'projector-other-log': async () => (await import('./single-role/other-log.ts')).otherLog,
  'ledger-transactions': async () => (await import('./single-role/ledger.ts')).ledger,
  'api-http': async () => (await import('./single-role/http.ts')).http,
  'api-overload': async () => (await import('./single-role/http.ts')).overload,
  'append-queue': async () => (await import('./single-role/appends/queue.ts')).queue,
  'append-outcomes': async () => (await import('./single-role/appends/outcomes.ts')).outcomes,
};

export const WORLD_NAMES: readonly string[] = Object.keys(LOADERS);

export const loadWorld = async (name: string): Promise<RunWorld> => {
  const load = LOADERS[name];
  if (load === undefined) throw new Error(`there is no world ${name}; there are ${WORLD_NAMES.join(', ')}`);
  return load();
};
