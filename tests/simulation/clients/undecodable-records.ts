// tests/simulation/clients/undecodable-records.ts: a program that writes records into our topics that are no events, some of them in transactions.

import { partitionOf } from '../../../shared/log/append/partitioner.ts';
import { encodeOrderEvent } from '../../../shared/log/codec/order-codec.ts';
import { encodeProductEvent } from '../../../shared/log/codec/product-codec.ts';
import type { RecordToAppend } from '../../../shared/log/log.ts';
import { productCreated } from '../../support/builders/product-events.ts';
import { ORDERS, PARTITIONS, type PRODUCTS, type World } from '../world.ts';
import { creationNow } from './records.ts';

const TRANSACTION_RECORDS_MAX = 20; // more than readers fetch at once, and as few as one

/** At most this many of each kind, at any time while there are faults. */
export const sendUndecodable = (world: World, topic: typeof ORDERS | typeof PRODUCTS, max: number): void => {
  const { sim, log, settings } = world;
  const soon = (send: (partition: number) => void): void =>
    void sim.after(sim.between(0, settings.faultsMs), () => send(sim.between(0, PARTITIONS - 1)), null);
  for (let n = sim.between(0, max); n > 0; n -= 1) {
    soon((partition) => log.write(topic, partition, [{ topic, key: `undecodable-${n}`, value: 'not ours', headers: {} }]));
  }
  for (let n = sim.between(0, max); n > 0; n -= 1) {
    const records = sim.between(1, TRANSACTION_RECORDS_MAX);
    soon((partition) => log.writeUnopened(topic, partition, records));
  }
  for (let n = sim.between(0, max); n > 0; n -= 1) {
    soon(() => {
      const record = misplaced(world, topic, `misplaced-${n}`);
      log.write(topic, PARTITIONS - 1 - partitionOf(record.key, PARTITIONS), [record]);
    });
  }
};

/** An event that would count in the partition of its key. */
const misplaced = (world: World, topic: string, id: string): RecordToAppend =>
  topic === ORDERS ? encodeOrderEvent(creationNow(world, id, {}), topic) : encodeProductEvent(productCreated(id, 5), topic);
