// tests/mutants/worlds.ts: the simulated worlds in which mutants are looked for, by name. Each takes a seed and
// returns what it found to be wrong: nothing, on the product as it is. Only what a world needs is loaded: that is most of a run.

export type MutantWorld = (seed: number) => Promise<string[]>;

const WHOLE = 'whole-';

const LOADERS: Readonly<Record<string, () => Promise<MutantWorld>>> = {
  calm: async () => (await import('../simulation/single-role/orders.ts')).calm,
  crashes: async () => (await import('../simulation/single-role/orders.ts')).crashes,
  carried: async () => (await import('../simulation/single-role/orders.ts')).carried,
  zombies: async () => (await import('../simulation/single-role/orders.ts')).zombies,
  strays: async () => (await import('../simulation/single-role/orders.ts')).strays,
  stock: async () => (await import('../simulation/single-role/stock.ts')).stock,
  'stock-rebuilt': async () => (await import('../simulation/single-role/stock.ts')).stockRebuilt,
  ledger: async () => (await import('../simulation/single-role/ledger.ts')).ledger,
  products: async () => {
    const { productWorld } = await import('../simulation/single-role/product-world.ts');
    return async (seed) => (await productWorld(seed)).violations;
  },
  projector: async () => (await import('../simulation/single-role/projector.ts')).projector,
  'another-log': async () => (await import('../simulation/single-role/projector.ts')).anotherLog,
  http: async () => (await import('../simulation/single-role/http.ts')).http,
  overload: async () => (await import('../simulation/single-role/http.ts')).overload,
  feed: async () => (await import('../simulation/single-role/feed.ts')).feed,
  queue: async () => (await import('../simulation/single-role/queue.ts')).queue,
};

/** `whole-NAME` is a world of the whole system (tests/simulation/scenarios.ts). Undefined: there is none of this name. */
export const loadWorld = async (name: string): Promise<MutantWorld | undefined> => {
  if (name.startsWith(WHOLE)) return (await import('../simulation/scenarios.ts')).WORLDS[name.slice(WHOLE.length)];
  return LOADERS[name]?.();
};
