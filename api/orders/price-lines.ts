// api/orders/price-lines.ts: prices an order by the catalogue in this process, without a query.
// Only a refusal is checked against the end of the log: another instance may have changed a product that was not read here yet.

import { AppError } from '../../shared/runtime/app-error.ts';
import { Problem } from '../http/problems.ts';
import type { Catalogue } from '../products/catalogue.ts';
import type { ReadToEnd } from '../products/read-to-end.ts';
import type { OrderLines, SentLines } from './new-order.ts';
import type { Price } from './pricing.ts';

export interface PriceLinesOptions {
  price: Price;
  catalogue: Pick<Catalogue, 'isCaughtUp'>;
  readToEnd: ReadToEnd;
}

/**
 * Rejects with what `Price` throws, which then holds for the log as it was at some moment after the call, and with LOG_UNAVAILABLE:
 * a catalogue with gaps would take stocked products for unknown ones, and sell what is not there (R14).
 */
export type PriceLines = (lines: SentLines) => Promise<OrderLines>;

export const createPriceLines =
  ({ price, catalogue, readToEnd }: PriceLinesOptions): PriceLines =>
  async (lines) => {
    if (!catalogue.isCaughtUp()) throw new AppError('LOG_UNAVAILABLE', 'The catalogue has not been read yet.');
    try {
      return price(lines);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
    }
    await readToEnd(lines.items.map(({ product_id }) => product_id));
    return price(lines);
  };
