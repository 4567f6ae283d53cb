// tests/simulation/clients/call.ts: what lies between a client and one instance of the api.
// A network that is slow or cuts off, an instance that is not ready or dies, and a patience that ends.

import type { ApiParts } from '../../../api/api.ts';
import type { Slot } from '../fleet.ts';
import { isReady } from '../processes/api.ts';
import type { World } from '../world.ts';

/** `refused`: certainly nothing happened. `lost`: nobody knows. `failed`: what the api rejected with. */
export type Reply<T> = { kind: 'answer'; value: T } | { kind: 'failed'; error: unknown } | { kind: 'refused' } | { kind: 'lost' };

const PATIENCE_MS = 9_000; // longer than the api may take for anything
const CUT = 0.03;

/** Never rejects. */
export const call = <T>({ sim }: World, instance: Slot<ApiParts>, work: (parts: ApiParts) => Promise<T>): Promise<Reply<T>> =>
  new Promise((resolve) => {
    const { process } = instance;
    sim.after(PATIENCE_MS, () => resolve({ kind: 'lost' }), null);
    const reply = (answer: Reply<T>): void => {
      if (!sim.fault(CUT)) sim.after(sim.between(0, 8), () => resolve(answer), null);
    };
    const arrive = (): void => {
      if (instance.process !== process || instance.running === null || !isReady(instance.running)) {
        reply({ kind: 'refused' });
        return;
      }
      work(instance.running).then(
        (value) => reply({ kind: 'answer', value }),
        (error: unknown) => reply({ kind: 'failed', error }),
      );
    };
    // A dead process refuses connections.
    if (process.alive) sim.after(sim.between(0, 8), arrive, process);
    else sim.after(sim.between(0, 8), () => resolve({ kind: 'refused' }), null);
  });

/** For what changes something. Never rejects. */
export const callForChange = <T>(world: World, instance: Slot<ApiParts>, work: (parts: ApiParts) => Promise<T>): Promise<Reply<T>> =>
  world.sim.now() < world.settings.changesMs ? call(world, instance, work) : Promise.resolve({ kind: 'refused' });
