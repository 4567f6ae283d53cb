// tests/simulation/clients/product-clients.ts: clients that create products and change them, with and without a key, again when they are in
// doubt. Under one key they must hear the same for ever.

import { ANONYMOUS } from '../../../api/access/caller.ts';
import type { ApiParts } from '../../../api/api.ts';
import type { ProductChange, ProductChanged } from '../../../api/products/change-products.ts';
import { AppError } from '../../../shared/runtime/app-error.ts';
import type { Slot } from '../fleet.ts';
import type { World } from '../world.ts';
import { callForChange, type Reply } from './call.ts';
import { PRICE_MINOR } from './items.ts';

export interface MerchantsOptions {
  productIds: readonly string[];
  /** Units to begin with, at most. */
  stockMax: number;
  changes: number;
  duringMs: number;
}

const CONTEXT = { caller: ANONYMOUS, correlationId: null, traceparent: null };
const UNNAMED = { productId: null, idempotencyKey: null, description: null, priceMinor: PRICE_MINOR };
const TRIES_MAX = 10;

export const sendMerchants = (world: World, instances: readonly Slot<ApiParts>[], options: MerchantsOptions): void => {
  const { sim, productTruth } = world;
  const acknowledged = new Set<string>();
  const { productIds, stockMax, changes, duringMs } = options;
  /** By key: what was said first. */
  const said = new Map<string, { verdict: string; command: string }>();

  const ask = async <T>(work: (parts: ApiParts) => Promise<T>): Promise<Reply<T>> => {
    const reply = await callForChange(world, sim.pick(instances), work);
    if (reply.kind === 'failed' && !(reply.error instanceof AppError && reply.error.retryable))
      sim.violate(`a product could not be changed: ${reply.error instanceof Error ? reply.error.stack : String(reply.error)}`);
    return reply;
  };
  const create = async (productId: string, name: string): Promise<void> => {
    const product = { ...UNNAMED, productId, name, stock: sim.between(1, stockMax) };
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const reply = await ask(({ changeProducts }) => changeProducts.create(product, CONTEXT));
      if (reply.kind === 'answer' && (reply.value.outcome === 'created' || reply.value.outcome === 'taken')) {
        const known = productTruth.products.get(productId);
        if (known === undefined) sim.violate(`the product ${productId} was acknowledged, but the log does not have it`);
        else if (reply.value.outcome === 'created' && known.name !== name)
          sim.violate(`the product ${productId} was acknowledged as ${name}, it is ${known.name}`);
        acknowledged.add(productId);
        return;
      }
      await sim.pause(sim.between(20, 1_000));
    }
  };
  /** Two at a time may ask for the same under one key, or for something else; each asks again. */
  const createKeyed = async (key: string): Promise<void> => {
    const product = { ...UNNAMED, idempotencyKey: key, name: `${key} ${sim.between(1, 2)}`, stock: 1 };
    for (let tries = sim.between(2, TRIES_MAX); tries > 0; tries -= 1) {
      const reply = await ask(({ changeProducts }) => changeProducts.create(product, CONTEXT));
      if (reply.kind === 'answer' && reply.value.outcome === 'taken') sim.violate(`the key ${key} is answered as a chosen id`);
      if (reply.kind === 'answer' && reply.value.outcome === 'created') {
        const { product: row } = reply.value;
        if (productTruth.products.get(row.product_id)?.name !== product.name)
          sim.violate(`the key ${key} is answered with ${row.product_id}, which the log has otherwise`);
        const before = said.get(key) ?? { verdict: JSON.stringify(row), command: product.name };
        if (before.verdict !== JSON.stringify(row))
          sim.violate(`the key ${key} was answered ${before.verdict}, then ${JSON.stringify(row)}`);
        said.set(key, before);
      }
      if (reply.kind === 'answer' && reply.value.outcome === 'key_reused' && said.get(key)?.command === product.name)
        sim.violate(`the key ${key} is said to be used for another product`);
      await sim.pause(sim.between(20, 2_500));
    }
  };
  const change = async (productId: string): Promise<void> => {
    const asked: ProductChange['asked'] = sim.chance(0.75)
      ? {
          name: 'StockAdjustmentRequested',
          data: sim.chance(0.3) ? { delta: null, stock: sim.between(0, stockMax) } : { delta: sim.between(-4, 5), stock: null },
        }
      : {
          name: 'ProductUpdateRequested',
          data: { price_minor: PRICE_MINOR, ...(sim.chance(0.4) ? { stock: sim.between(0, stockMax) } : {}) },
        };
    const key = sim.chance(0.6) ? `k${sim.between(1, 2 * changes)}` : null;
    for (let tries = sim.between(1, TRIES_MAX); tries > 0; tries -= 1) {
      const wasThere = acknowledged.has(productId);
      const reply = await ask(({ changeProducts }) => changeProducts.change({ productId, asked, idempotencyKey: key }, CONTEXT));
      if (reply.kind === 'answer') heard(productId, key, JSON.stringify(asked), reply.value);
      if (reply.kind === 'answer' && reply.value.outcome === 'not_found' && wasThere) sim.violate(`the product ${productId} is not found`);
      const isKnown = reply.kind === 'answer' && reply.value.outcome !== 'pending' && reply.value.outcome !== 'unknown';
      if (key === null || (isKnown && !sim.chance(0.3))) return;
      await sim.pause(sim.between(20, 2_500));
    }
  };
  const heard = (productId: string, key: string | null, command: string, changed: ProductChanged): void => {
    sim.trace(() => `client: ${changed.outcome} to a change of ${productId}`);
    if (changed.outcome === 'applied' && changed.product.put_in - changed.product.sold < changed.product.reserved)
      sim.violate(`${productId} is shown as ${JSON.stringify(changed.product)}`);
    if (key === null || (changed.outcome !== 'applied' && changed.outcome !== 'refused')) return;
    const { replayed: _replayed, ...verdictOf } = changed;
    const verdict = JSON.stringify(verdictOf);
    const name = `${productId} ${key}`;
    const before = said.get(name) ?? { verdict, command };
    if (before.verdict !== verdict) sim.violate(`the key ${key} of ${productId} was answered ${before.verdict}, then ${verdict}`);
    if (before.command !== command) sim.violate(`the key ${key} of ${productId} was taken for ${before.command}, then for ${command}`);
    said.set(name, before);
  };
  const failed = (error: unknown): void => sim.violate(`a merchant failed: ${String((error as Error).stack)}`);

  // Some by two at a time: the log says who was first.
  for (const id of productIds) {
    for (let n = sim.between(1, 2); n > 0; n -= 1) sim.after(sim.between(0, 600), () => void create(id, `${id} of ${n}`).catch(failed));
  }
  for (const id of productIds.slice(0, 2)) {
    for (let n = sim.between(0, 2); n > 0; n -= 1) sim.after(sim.between(0, 600), () => void createKeyed(`key of ${id}`).catch(failed));
  }
  for (let n = 0; n < changes; n += 1) sim.after(sim.between(200, duringMs), () => void change(sim.pick(productIds)).catch(failed));
};
