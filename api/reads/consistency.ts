// api/reads/consistency.ts: Consistency-Token: the position in the log of what a client has written.
// A read that sends it waits, for a bounded time, until its answer contains that position.

import { endsWithin, type LogEnd } from '../../shared/log/topics/offsets.ts';
import { unlessUnavailable } from '../../shared/runtime/app-error.ts';
import { countdown } from '../../shared/runtime/within.ts';
import { Problem } from '../http/problems.ts';
import type { OrderTail } from './order-tail.ts';
import type { LogPosition } from './position-waits.ts';

export interface ConsistencyOptions {
  tail: Pick<OrderTail, 'position' | 'waitRead' | 'waitStored'>;
  logEnd: Pick<LogEnd, 'ask'>;
  partitionCount: number;
}

export interface Consistency {
  /**
   * True once a read of this kind contains the token's place: `order` reads see what the tail has folded, `rows` (lists,
   * metrics) what the projector has stored. False after 2 s, also where the log does not say whether it has the place: answer all the
   * same, and say `Consistency: stale`.
   */
  reached: (token: string, by: 'order' | 'rows') => Promise<boolean>;
}

// For all of it: whether the log has the place at all, and until the answer contains it.
const WAIT_MAX_MS = 2_000;
const PAIR = '\\.[0-9a-z]{1,6}\\.[0-9a-z]{1,11}';
const TOKEN = new RegExp(`^c1(?:${PAIR})+$`);

/** Of one write, or of a bulk of them: then of the last place in each partition. */
export const consistencyToken = (...places: readonly LogPosition[]): string =>
  ['c1', ...places.flatMap(({ partition, offset }) => [partition.toString(36), offset.toString(36)])].join('.');

const placesIn = (token: string): LogPosition[] => {
  if (!TOKEN.test(token)) throw new Problem('INVALID_TOKEN', 'The consistency token is not one of ours.');
  const numbers = token.split('.').slice(1);
  return Array.from({ length: numbers.length / 2 }, (_, pair) => ({
    partition: Number.parseInt(numbers[2 * pair]!, 36),
    offset: Number.parseInt(numbers[2 * pair + 1]!, 36),
  }));
};

export const createConsistency = ({ tail, logEnd, partitionCount }: ConsistencyOptions): Consistency => {
  /** Whether the log is known to have them. */
  const checked = async (places: readonly LogPosition[], limitMs: number): Promise<boolean> => {
    if (places.some(({ partition }) => partition >= partitionCount))
      throw new Problem('INVALID_TOKEN', 'The consistency token names no partition of this log.');
    // So there are no more places to wait for than partitions, however long the header is.
    if (new Set(places.map(({ partition }) => partition)).size < places.length)
      throw new Problem('INVALID_TOKEN', 'The consistency token names a partition twice.');
    if (places.every(({ partition, offset }) => offset < tail.position(partition))) return true;
    const ends = await unlessUnavailable(endsWithin(limitMs, logEnd));
    if (ends === null) return false;
    if (places.some(({ partition, offset }) => offset >= (ends.get(partition)?.high ?? 0)))
      throw new Problem('INVALID_TOKEN', 'The consistency token lies beyond the end of the log.');
    return true;
  };
  return {
    reached: async (token, by) => {
      const left = countdown(WAIT_MAX_MS);
      const places = placesIn(token);
      if (!(await checked(places, left()))) return false;
      const wait = by === 'order' ? tail.waitRead : tail.waitStored;
      const reached = await Promise.all(places.map((place) => wait(place, left())));
      return reached.every(Boolean);
    },
  };
};
