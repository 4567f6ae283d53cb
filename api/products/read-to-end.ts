// api/products/read-to-end.ts: waits, for a bounded time, until the catalogue contains what the log has now.
// It is used before a product is said not to exist, and before an order is refused for what the catalogue says.

import { endsWithin, type LogEnd } from '../../shared/log/topics/offsets.ts';
import { AppError } from '../../shared/runtime/app-error.ts';
import { countdown } from '../../shared/runtime/within.ts';
import type { Catalogue } from './catalogue.ts';

export interface ReadToEndOptions {
  catalogue: Pick<Catalogue, 'waitRead' | 'cannotReadOn'>;
  logEnd: Pick<LogEnd, 'ask'>;
  partitionOf: (productId: string) => number;
}

/**
 * Resolves when everything that the log had of these products at some moment after the call is in the catalogue. Rejects with
 * LOG_UNAVAILABLE, after 5 s at the latest, and with UNKNOWN_EVENT_TYPE where only newer code can read it.
 */
export type ReadToEnd = (productIds: readonly string[]) => Promise<void>;

// To ask where the log ends and to read up to there: longer than a pause of the broker, shorter than a caller's patience.
const LOG_WAIT_MAX_MS = 5_000;

export const createReadToEnd =
  ({ catalogue, logEnd, partitionOf }: ReadToEndOptions): ReadToEnd =>
  async (productIds) => {
    const left = countdown(LOG_WAIT_MAX_MS);
    const ends = await endsWithin(left(), logEnd);
    const passed = Array.from(new Set(productIds.map(partitionOf)), (partition) => {
      const end = ends.get(partition)?.high ?? 0;
      return end === 0 || catalogue.waitRead({ partition, offset: end - 1 }, left());
    });
    if (!(await Promise.all(passed)).every(Boolean)) {
      const why = catalogue.cannotReadOn();
      if (why !== null) throw new AppError('UNKNOWN_EVENT_TYPE', why);
      throw new AppError('LOG_UNAVAILABLE', 'The catalogue did not reach the end of the log in time.');
    }
  };
