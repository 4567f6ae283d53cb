// processor/ledger/product-requests.ts: what records of the topic `products` do to the ledger (R11).
// Pure; the ledger loads products and earlier decisions, under locks, and writes what this returns.

import { answerProductRequest } from '../../shared/product/decider.ts';
import type {
  ProductCreated,
  ProductEvent,
  ProductFact,
  ProductRefusal,
  ProductRequest,
  ProductResult,
} from '../../shared/product/events.ts';
import { evolveProduct, type Product } from '../../shared/product/product.ts';

/** A product as of the last decision about it. */
export interface LedgerProduct {
  product: Product;
  /** Version of the last fact that was read. Facts after it are in the outbox. */
  readVersion: number;
  /** Units put in by facts that were not read yet. */
  unreadIn: number;
  reserved: number;
  sold: number;
}

/** A decision: the very event to append, fixed when it is decided. */
export interface Answer {
  requestId: string;
  commandHash: string | null;
  event: ProductFact | ProductRefusal;
}

export interface ProductState {
  products: ReadonlyMap<string, LedgerProduct>;
  /** Decisions that exist, of those that the events ask for or name. */
  decisions: ReadonlyMap<string, { delivered: boolean; eventId: string }>;
}

export interface ProductMoves {
  /** What is new or differs, by id. */
  products: Map<string, LedgerProduct>;
  answers: Answer[];
  /** Creations under an Idempotency-Key that were read now: kept beside the answers, to be told again. */
  creations: ProductCreated[];
  /** Answers of other transactions that were read now. */
  delivered: string[];
}

export interface Stamp {
  newId: () => string;
  now: () => number;
}

/** Takes the events in log order. A request that has its decision gets no other; a fact counts only in its version's place. */
export const takeProductEvents = (state: ProductState, events: readonly ProductEvent[], { newId, now }: Stamp): ProductMoves => {
  const moves: ProductMoves = { products: new Map(), answers: [], creations: [], delivered: [] };
  const find = (id: string): LedgerProduct | undefined => moves.products.get(id) ?? state.products.get(id);
  const decided = new Set<string>();

  const readFact = (event: ProductFact): 'applied' | 'void' => {
    const known = find(event.productId);
    if (event.version !== (known?.readVersion ?? 0) + 1) return 'void';
    if (known !== undefined && event.version <= known.product.version) {
      // Ours, or its copy: what it says is decided already, now it is in the log too.
      requireOurs(state, event);
      const unreadIn = known.unreadIn - Math.max(0, deltaOf(event));
      moves.products.set(event.productId, { ...known, readVersion: event.version, unreadIn });
      return 'applied';
    }
    const { product, effect } = evolveProduct(known?.product ?? null, event);
    if (product === null || effect !== 'applied') return 'void';
    moves.products.set(event.productId, {
      ...(known ?? { unreadIn: 0, reserved: 0, sold: 0 }),
      product,
      readVersion: product.version,
    });
    if (event.name === 'ProductCreated' && event.data.command_hash !== null) moves.creations.push(event);
    return 'applied';
  };
  const answer = (request: ProductRequest): void => {
    if (decided.has(request.id) || state.decisions.has(request.id)) return;
    decided.add(request.id);
    const known = find(request.productId);
    const draft = answerProductRequest(known?.product ?? null, known ?? { reserved: 0, sold: 0 }, request);
    const envelope = {
      id: newId(),
      productId: request.productId,
      time: now(),
      actor: 'system:processor',
      causationId: request.id,
      correlationId: request.correlationId,
    };
    const { id: requestId } = request;
    const { command_hash: commandHash } = request.data;
    if (known === undefined || draft.kind === 'refusal') {
      moves.answers.push({ requestId, commandHash, event: { ...draft, ...envelope } as ProductRefusal });
      return;
    }
    const fact = { ...draft, ...envelope, version: known.product.version + 1 } as ProductFact;
    const product = evolveProduct(known.product, fact).product!;
    const next = { ...known, product, unreadIn: known.unreadIn + Math.max(0, deltaOf(fact)) };
    moves.products.set(request.productId, next);
    moves.answers.push({ requestId, commandHash, event: { ...fact, data: { ...fact.data, result: resultOf(next) } } as ProductFact });
  };

  for (const event of events) {
    if (event.kind === 'request') answer(event);
    else if (event.kind === 'refusal' || readFact(event) === 'applied') {
      const { causationId } = event;
      if (causationId !== null && state.decisions.get(causationId)?.delivered === false) moves.delivered.push(causationId);
    }
  }
  return moves;
};

/** A creation is its own answer: it is found by its own id. */
export const creationAsAnswer = (event: ProductCreated): Answer => ({ requestId: event.id, commandHash: event.data.command_hash, event });

/** What the client is told: by this fact alone it can be told again. */
export const resultOf = ({ product, reserved, sold }: LedgerProduct): ProductResult => ({
  name: product.name,
  description: product.description,
  price_minor: product.priceMinor,
  currency: product.currency,
  put_in: product.putIn,
  reserved,
  sold,
  created_at: product.createdAt,
  updated_at: product.updatedAt,
});

/** By how many units a fact changes what was put in. */
export const deltaOf = ({ name, data }: ProductFact): number => {
  if (name === 'StockAdjusted') return data.delta;
  return name === 'ProductUpdated' ? data.stock_delta : 0;
};

const requireOurs = ({ decisions }: ProductState, { id, productId, version, causationId }: ProductFact): void => {
  if (causationId !== null && decisions.get(causationId)?.eventId === id) return;
  throw new Error(`version ${version} of the product ${productId} in the log is not the one that was decided: rebuild the ledger`);
};
