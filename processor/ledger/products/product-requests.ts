// processor/ledger/products/product-requests.ts: what records of the topic `products` do to the ledger (R11).
// Pure; the ledger loads products and earlier decisions, under locks, and writes what this returns.

import { answerProductRequest, type StockUse } from '../../../shared/product/decider.ts';
import type { ProductEvent, ProductFact, ProductRefusal, ProductRequest, ProductResult } from '../../../shared/product/events.ts';
import { evolveProduct, type Product } from '../../../shared/product/product.ts';
import { type AnswerMoves, type AnswersBefore, createAnswers, creationAsAnswer, inPlaces } from './product-answers.ts';

/** What the ledger knows of a product. */
export interface LedgerProduct {
  productId: string;
  /** As of the last decision about it; null: only orders know it, its creation is not read yet or never comes. */
  product: Product | null;
  /** As of the last fact that was read. The same unless decisions are ahead: their facts are in the outbox. */
  read: Product | null;
  /** Units put in by facts that were not read yet. */
  unreadIn: number;
  reserved: number;
  sold: number;
}

export interface ProductState extends AnswersBefore {
  products: ReadonlyMap<string, LedgerProduct>;
}

export interface ProductMoves extends AnswerMoves {
  /** What is new or differs, by id. */
  products: Map<string, LedgerProduct>;
}

export interface Stamp {
  newId: () => string;
  now: () => number;
}

/**
 * Products about which the log has, among these events, a fact in the place of one that was decided here: another process decided it, before
 * the ledger lost that, or another program wrote it. Arbitration lets it pass, so what was decided follows it.
 */
export const overtaken = ({ products, decisions }: Omit<ProductState, 'outbox'>, events: readonly ProductEvent[]): string[] => {
  const ids = new Set<string>();
  for (const event of events) {
    const decided = products.get(event.productId)?.product?.version ?? 0;
    if (event.kind === 'fact' && event.version <= decided && !isOurs(decisions, event)) ids.add(event.productId);
  }
  return [...ids];
};

/**
 * Whether the ledger has these events already: their transaction was committed, and its answer was lost. Taken again, an event that was void
 * at its place might apply.
 */
export const areTaken = (startOffset: number, endOffset: number): boolean => startOffset >= endOffset;

/**
 * Takes the events in log order. Total: whatever the log says of a product can be taken. A request that has its decision gets no other; a
 * fact counts only in its version's place. A decision whose place another fact took keeps what it decided, in the next free place.
 */
export const takeProductEvents = (state: ProductState, events: readonly ProductEvent[], { newId, now }: Stamp): ProductMoves => {
  const products = new Map<string, LedgerProduct>();
  const answers = createAnswers(state);
  const find = (id: string): LedgerProduct => products.get(id) ?? state.products.get(id) ?? unknownProduct(id);

  /**
   * The log has its own answer to the request, if this is one: what was decided gives way. But not a fact that was decided for another place:
   * it may be in the log any moment, and applies there whatever this one says.
   */
  const readAnswer = (event: ProductFact | ProductRefusal): void => {
    const { causationId: requestId } = event;
    if (requestId === null) return;
    const known = answers.of(requestId);
    if (known?.delivered) return;
    if (known?.eventId !== event.id) {
      const ours = answers.undelivered(event.productId).find((answer) => answer.requestId === requestId);
      if (ours?.event.kind === 'fact' && !(event.kind === 'fact' && event.version === ours.event.version)) return;
      const answer = { requestId, commandHash: ours?.commandHash ?? null, event };
      if (known === undefined) answers.hear(answer);
      else answers.replace(answer);
    }
    if (known !== undefined) answers.deliver(requestId);
  };

  /**
   * What was decided and is not in the log, on top of what was read. A decision whose place is still free keeps its event, which may be in the
   * log any moment: with another one it could be applied twice. One whose place was taken is void for ever there, and gets the next place.
   */
  const decideAgain = (known: LedgerProduct, read: Product): LedgerProduct => {
    let next: LedgerProduct = { ...known, read, product: read, unreadIn: 0 };
    const decisions = answers.undelivered(known.productId).sort(inPlaces);
    const facts = decisions.flatMap((answer) => (answer.event.kind === 'fact' ? [{ ...answer, event: answer.event }] : []));
    for (const { event } of facts) if (event.version > read.version) next = decided(next, event);
    for (const { event, ...answer } of facts) {
      if (event.version > read.version) continue;
      const place = { ...event, id: newId(), version: next.product!.version + 1 } as ProductFact;
      next = decided(next, place);
      answers.replace({ ...answer, event: withResult(place, next) });
    }
    return next;
  };

  const readFact = (event: ProductFact): void => {
    const known = find(event.productId);
    const { product: read, effect } = evolveProduct(known.read, event);
    if (read === null || effect !== 'applied') return;
    const ahead = (known.product?.version ?? 0) >= read.version;
    const ours = ahead && answers.of(event.causationId)?.eventId === event.id;
    readAnswer(event);
    if (ours) {
      // What it says is decided already, now it is in the log too.
      products.set(event.productId, { ...known, read, unreadIn: known.unreadIn - Math.max(0, deltaOf(event)) });
    } else products.set(event.productId, decideAgain(known, read));
    if (event.name === 'ProductCreated' && event.data.command_hash !== null) answers.hear(creationAsAnswer(event));
  };

  const answer = (request: ProductRequest): void => {
    if (answers.of(request.id) !== undefined) return;
    const known = find(request.productId);
    const draft = answerProductRequest(known.product, known, request);
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
    if (known.product === null || draft.kind === 'refusal') {
      answers.add({ requestId, commandHash, event: { ...draft, ...envelope } as ProductRefusal });
      return;
    }
    const fact = { ...draft, ...envelope, version: known.product.version + 1 } as ProductFact;
    const next = decided(known, fact);
    products.set(request.productId, next);
    answers.add({ requestId, commandHash, event: withResult(fact, next) });
  };

  for (const event of events) {
    if (event.kind === 'request') answer(event);
    else if (event.kind === 'refusal') readAnswer(event);
    else readFact(event);
  }
  return { products, ...answers.moves() };
};

const unknownProduct = (productId: string): LedgerProduct => ({
  productId,
  product: null,
  read: null,
  unreadIn: 0,
  reserved: 0,
  sold: 0,
});

/** A product after one more decision about it, whose fact has the next version. */
const decided = (known: LedgerProduct, fact: ProductFact): LedgerProduct => ({
  ...known,
  product: evolveProduct(known.product, fact).product,
  unreadIn: known.unreadIn + Math.max(0, deltaOf(fact)),
});

const withResult = (fact: ProductFact, { product, reserved, sold }: LedgerProduct): ProductFact =>
  ({ ...fact, data: { ...fact.data, result: resultOf(product!, { reserved, sold }) } }) as ProductFact;

const isOurs = (decisions: ProductState['decisions'], { id, causationId }: ProductFact): boolean =>
  causationId !== null && decisions.get(causationId)?.eventId === id;

/** What the client is told: by this fact alone it can be told again. */
export const resultOf = (product: Product, { reserved, sold }: StockUse): ProductResult => ({
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
