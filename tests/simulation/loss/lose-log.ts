// tests/simulation/loss/lose-log.ts: the log loses acknowledged records while roles run: its end, all of it, or one record.
// Often it has grown past its old end before a reader is connected again: then nothing but the records tells that it is another log (R17).

import { creationNow, landOrder } from '../clients/records.ts';
import { ORDERS, PARTITIONS, PRODUCTS, type World } from '../world.ts';

export interface LossOptions {
  /** `end`: some of the last records, of some partitions. `one`: one record of one partition. `all`: the topics are made again, empty. */
  kind: 'end' | 'one' | 'all';
  /** So many records at the beginning of each partition of the products are never among the last. */
  productsKept: number;
}

const DEPTH_MAX = 9;
const YOUNG_MS = [0, 12] as const;
const NEW_ORDERS_MAX = 12;
const GROWS_WITHIN_MS = 400;

/** At the next moment at which the log has just grown: what is lost may be acknowledged, and read by some and not by others. */
export const loseSoon = (world: World, options: LossOptions): Promise<void> => {
  const { sim, log } = world;
  const partition = sim.pick(log.partitions(ORDERS));
  return new Promise((resolve) => {
    const lose = (): void => {
      loseLog(world, options, partition.partition);
      resolve();
    };
    log.whenReadable(partition, partition.highWatermark, () => void sim.after(sim.between(...YOUNG_MS), lose, null));
  });
};

const loseLog = (world: World, { kind, productsKept }: LossOptions, chosen: number): void => {
  const { sim, log } = world;
  world.isLogOther = true;
  world.mayBeBehind = true;
  if (kind === 'all') {
    const all = new Map(Array.from({ length: PARTITIONS }, (_, partition) => [partition, 0]));
    log.lose(ORDERS, all, 'another topic');
    forgetCopies(world);
  } else {
    const topics = kind === 'end' && sim.chance(0.3) ? [ORDERS, PRODUCTS] : [ORDERS];
    for (const topic of topics) log.lose(topic, cutsOf(world, { topic, kind, chosen, kept: topic === PRODUCTS ? productsKept : 0 }));
  }
  if (sim.chance(0.7)) growOn(world);
};

/** Where each partition that loses something ends then. */
const cutsOf = (
  { sim, log }: World,
  { topic, kind, chosen, kept }: { topic: string; kind: 'end' | 'one'; chosen: number; kept: number },
): Map<number, number> => {
  const cuts = new Map<number, number>();
  for (const { partition, highWatermark } of log.partitions(topic)) {
    const isMeant = partition === chosen || (kind === 'end' && sim.chance(0.5));
    if (!isMeant || highWatermark <= kept) continue;
    const depth = kind === 'one' || sim.chance(0.3) ? 1 : sim.between(1, DEPTH_MAX);
    cuts.set(partition, Math.max(highWatermark - depth, kept));
  }
  return cuts;
};

/** Kafka forgets what groups have noted of a topic that is deleted; on a new disk there is nothing either. */
const forgetCopies = ({ groups }: World): void => {
  for (const group of Object.values(groups)) group.forget();
};

/** Other records come where the lost ones stood. */
const growOn = (world: World): void => {
  const { sim } = world;
  const count = sim.between(1, NEW_ORDERS_MAX);
  for (let n = 0; n < count; n += 1)
    sim.after(sim.between(0, GROWS_WITHIN_MS), () => landOrder(world, creationNow(world, `since-${n}`, {})), null);
};
