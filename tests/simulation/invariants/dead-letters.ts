// tests/simulation/invariants/dead-letters.ts: a record that cannot be decoded has a dead letter, and has it before it is passed over.
// No other record has one.

import type { Batch } from '../../../projector/project.ts';
import { orderDecoderFor } from '../../../shared/log/codec/order-codec.ts';
import { productDecoderFor } from '../../../shared/log/codec/product-codec.ts';
import { DEAD_LETTERS, ORDERS, PARTITIONS, PRODUCTS, type World } from '../world.ts';

const DECODERS = { [ORDERS]: orderDecoderFor(PARTITIONS), [PRODUCTS]: productDecoderFor(PARTITIONS) };

/** `topic/partition@offset` of what has a letter that readers can read. */
const lettersIn = ({ log }: World): Set<string> => {
  const { records, highWatermark } = log.partitions(DEAD_LETTERS)[0]!;
  const headers = records.slice(0, highWatermark).map((letter) => letter.headers);
  return new Set(headers.map(({ dl_topic, dl_partition, dl_offset }) => `${dl_topic}/${dl_partition}@${dl_offset}`));
};

/** The projector is about to commit this. */
export const checkBuried = (world: World, { archive }: Batch): void => {
  const undecodable = archive.filter(({ effect }) => effect === 'undecodable');
  if (undecodable.length === 0) return;
  const letters = lettersIn(world);
  for (const { record } of undecodable) {
    const place = `${record.topic}/${record.partition}@${record.offset}`;
    if (!letters.has(place)) world.sim.violate(`${place} is passed over without a dead letter`);
  }
};

/** At rest. */
export const checkLetters = (world: World, topic: typeof ORDERS | typeof PRODUCTS): void => {
  const letters = lettersIn(world);
  const places = new Set<string>();
  for (const { records } of world.log.partitions(topic)) {
    for (const record of records) {
      const place = `${topic}/${record.partition}@${record.offset}`;
      places.add(place);
      if (DECODERS[topic](record).ok === letters.has(place))
        world.sim.violate(`${place} has ${letters.has(place) ? 'a' : 'no'} dead letter`);
    }
  }
  for (const place of letters) {
    if (place.startsWith(`${topic}/`) && !places.has(place)) world.sim.violate(`${place} has a dead letter, and no record begins there`);
  }
};
