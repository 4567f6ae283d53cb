// tests/simulation/clients/undecodable-records.ts: somebody who writes records into our topics that are no events.

import { PARTITIONS, type World } from '../world.ts';

/** At most this many, at any time while there are faults. */
export const sendUndecodable = ({ sim, log, settings }: World, topic: string, max: number): void => {
  for (let n = sim.between(0, max); n > 0; n -= 1) {
    sim.after(sim.between(0, settings.faultsMs), () =>
      log.write(topic, sim.between(0, PARTITIONS - 1), [{ topic, key: `undecodable-${n}`, value: 'not ours', headers: {} }]),
    );
  }
};
