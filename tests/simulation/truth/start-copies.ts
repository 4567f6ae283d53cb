// tests/simulation/truth/start-copies.ts: looks at every start that a processor copies to Kafka (R8, R17).
// Of two copies the later one says at least as much: what went before it is in the ledger for good.

import { startCopy } from '../../../processor/consumer-group.ts';
import { isBehind } from '../../../processor/ledger/went-back.ts';
import type { OnCommit } from '../environment/group.ts';
import type { Simulation } from '../kernel/simulation.ts';

export const watchCopies =
  (sim: Simulation, topic: string): OnCommit =>
  (partition, before, after) => {
    if (before === undefined) return;
    const [was, is] = [startCopy(before), startCopy(after)];
    sim.trace(() => `the copy of ${topic}/${partition} goes from ${before.offset} to ${after.offset} (${after.metadata})`);
    if (is.offset < was.offset) sim.violate(`the copy of ${topic}/${partition} in Kafka goes back from ${was.offset} to ${is.offset}`);
    if (was.stamp !== null && (is.stamp === null || isBehind(is.stamp, was.stamp)))
      sim.violate(`the copy of ${topic}/${partition} in Kafka goes back from "${before.metadata}" to "${after.metadata}"`);
  };
