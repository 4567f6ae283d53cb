// tests/simulation/invariants/dead-letters.ts: at rest each record that cannot be decoded has a dead letter, and no other record has one.

import { decodeOrderEvent } from '../../../shared/log/order-codec.ts';
import { decodeProductEvent } from '../../../shared/log/product-codec.ts';
import { DEAD_LETTERS, ORDERS, PRODUCTS, type World } from '../world.ts';

const DECODERS = { [ORDERS]: decodeOrderEvent, [PRODUCTS]: decodeProductEvent };

export const checkLetters = ({ sim, log }: World, topic: typeof ORDERS | typeof PRODUCTS): void => {
  const letters = new Set(
    log
      .partitions(DEAD_LETTERS)[0]!
      .records.map(({ headers: { dl_topic, dl_partition, dl_offset } }) => `${dl_topic}/${dl_partition}@${dl_offset}`),
  );
  for (const { records } of log.partitions(topic)) {
    for (const record of records) {
      const place = `${topic}/${record.partition}@${record.offset}`;
      if (DECODERS[topic](record).ok === letters.has(place)) sim.violate(`${place} has ${letters.has(place) ? 'a' : 'no'} dead letter`);
    }
  }
};
