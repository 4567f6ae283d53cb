// api/consistency.ts: Consistency-Token: the place in the log of what a caller has written. A read that names it waits until
// its answer contains that place, for a bounded time.

import type { LogEnd } from '../shared/log/offsets.ts';
import type { OrderTail } from './order-tail.ts';
import type { Place } from './position-waits.ts';
import { Problem } from './problems.ts';

export interface ConsistencyOptions {
  tail: Pick<OrderTail, 'position' | 'waitRead' | 'waitStored'>;
  logEnd: Pick<LogEnd, 'ask'>;
  partitionCount: number;
}

export interface Consistency {
  /**
   * True once a read of this kind contains the token's place: `order` reads see what the tail has folded, `rows` (lists,
   * metrics) what the projector has stored. False after 2 s: answer all the same, and say `Consistency: stale`.
   */
  reached: (token: string, by: 'order' | 'rows') => Promise<boolean>;
}

const WAIT_MAX_MS = 2_000;
const TOKEN = /^c1\.([0-9a-z]{1,6})\.([0-9a-z]{1,11})$/;

export const consistencyToken = ({ partition, offset }: Place): string => `c1.${partition.toString(36)}.${offset.toString(36)}`;

export const createConsistency = ({ tail, logEnd, partitionCount }: ConsistencyOptions): Consistency => {
  const placeOf = async (token: string): Promise<Place> => {
    const parts = TOKEN.exec(token);
    if (parts === null) throw new Problem('INVALID_TOKEN', 'The consistency token is not one of ours.');
    const place = { partition: Number.parseInt(parts[1]!, 36), offset: Number.parseInt(parts[2]!, 36) };
    if (place.partition >= partitionCount) throw new Problem('INVALID_TOKEN', 'The consistency token names no partition of this log.');
    if (place.offset < tail.position(place.partition)) return place;
    const end = (await logEnd.ask()).get(place.partition)?.high ?? 0;
    if (place.offset >= end) throw new Problem('INVALID_TOKEN', 'The consistency token lies beyond the end of the log.');
    return place;
  };
  return {
    reached: async (token, by) => {
      const place = await placeOf(token);
      return by === 'order' ? tail.waitRead(place, WAIT_MAX_MS) : tail.waitStored(place, WAIT_MAX_MS);
    },
  };
};
