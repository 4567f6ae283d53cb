// tests/simulation/planted/worlds/worlds.ts: the simulated worlds in which planted bugs are looked for, by name. Each takes a seed and
// returns what it found to be wrong: nothing, on the product as it is. Only what a world needs is loaded: that is most of a trial.

export type PlantedWorld = (seed: number) => Promise<string[]>;

const WHOLE = 'whole-';

const LOADERS: Readonly<Record<string, () => Promise<PlantedWorld>>> = {
  calm: async () => (await import('./orders.ts')).calm,
  crashes: async () => (await import('./orders.ts')).crashes,
  carried: async () => (await import('./orders.ts')).carried,
  zombies: async () => (await import('./orders.ts')).zombies,
  strays: async () => (await import('./orders.ts')).strays,
  stock: async () => (await import('./stock.ts')).stock,
  'stock-rebuilt': async () => (await import('./stock.ts')).stockRebuilt,
  ledger: async () => (await import('./ledger.ts')).ledger,
  products: async () => {
    const { productWorld } = await import('../../../support/product-world.ts');
    return async (seed) => (await productWorld(seed)).violations;
  },
  projector: async () => (await import('./projector.ts')).projector,
  'another-log': async () => (await import('./projector.ts')).anotherLog,
  http: async () => (await import('./http.ts')).http,
  overload: async () => (await import('./http.ts')).overload,
  feed: async () => (await import('./feed.ts')).feed,
  queue: async () => (await import('./queue.ts')).queue,
};

/** `whole-NAME` is a world of the whole system (tests/simulation/worlds.ts). Undefined: there is none of this name. */
export const loadWorld = async (name: string): Promise<PlantedWorld | undefined> => {
  if (name.startsWith(WHOLE)) return (await import('../../worlds.ts')).WORLDS[name.slice(WHOLE.length)];
  return LOADERS[name]?.();
};
