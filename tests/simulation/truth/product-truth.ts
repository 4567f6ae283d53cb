// tests/simulation/truth/product-truth.ts: what the log says of products: their facts folded, and each request with its answers.

import { productDecoderFor } from '../../../shared/log/codec/product-codec.ts';
import type { LogRecord } from '../../../shared/log/log.ts';
import type { ProductEvent } from '../../../shared/product/events.ts';
import { evolveProduct, type Product } from '../../../shared/product/product.ts';
import type { Simulation } from '../kernel/simulation.ts';

export interface ProductTruth {
  take: (record: LogRecord) => { event: ProductEvent; effect: string } | null;
  /** As `Truth.forget`. */
  forget: () => void;
  products: Map<string, Product>;
  /** Request id → ids of the effective events that answer it. Copies of one answer are one. */
  answers: Map<string, Set<string>>;
  /** `partition@offset` of what cannot be decoded. */
  undecodable: string[];
}

export const createProductTruth = (sim: Simulation, partitionCount: number): ProductTruth => {
  const decode = productDecoderFor(partitionCount);
  const products = new Map<string, Product>();
  const answers = new Map<string, Set<string>>();
  const undecodable: string[] = [];
  return {
    take: (record) => {
      const decoded = decode(record);
      if (!decoded.ok) {
        undecodable.push(`${record.partition}@${record.offset}`);
        return null;
      }
      const { event } = decoded;
      const { product, effect } = evolveProduct(products.get(event.productId) ?? null, event);
      if (product) products.set(event.productId, product);
      if (product && product.putIn < 0) sim.violate(`${event.productId} has ${product.putIn}`);
      if (event.kind === 'request' && !answers.has(event.id)) answers.set(event.id, new Set());
      if (event.causationId !== null && (effect === 'applied' || effect === 'refusal')) answers.get(event.causationId)?.add(event.id);
      return { event, effect };
    },
    forget: () => {
      products.clear();
      answers.clear();
      undecodable.length = 0;
    },
    products,
    answers,
    undecodable,
  };
};
