// processor/ledger/products/product-answers.ts: the answers to requests about products while events are taken: those of before, new ones, and the log's.
// Pure: it collects what the ledger writes.

import type { ProductCreated, ProductFact, ProductRefusal } from '../../../shared/product/events.ts';

/** A decision: the very event to append, fixed when it is decided. */
export interface Answer {
  requestId: string;
  commandHash: string | null;
  event: ProductFact | ProductRefusal;
}

export interface StoredAnswer {
  answer: Answer;
  /** Its event is in the log. */
  delivered: boolean;
}

export interface AnswersBefore {
  /** Decisions that exist, of those that the events ask for or name. */
  decisions: ReadonlyMap<string, { delivered: boolean; eventId: string }>;
  /** Undelivered decisions about the products that `overtaken` names. */
  outbox: readonly Answer[];
}

export interface AnswerMoves {
  /** New decisions, and the answers that were found in the log: creations under an Idempotency-Key, what another writer answered. */
  added: StoredAnswer[];
  /** Decisions that exist and have another event from now on. */
  rewritten: StoredAnswer[];
  /** Decisions whose event, or another answer, was read now. */
  delivered: string[];
  /** Of the added and the rewritten: what the log does not have, in the order in which it is to be appended. */
  toAppend: Answer[];
}

export interface Answers {
  of: (requestId: string | null) => { delivered: boolean; eventId: string } | undefined;
  /** What is decided about a product and not read. */
  undelivered: (productId: string) => Answer[];
  /** A request was decided that had no answer. */
  add: (answer: Answer) => void;
  /** A decision has another event from now on. */
  replace: (answer: Answer) => void;
  /** The log has an answer that nothing was decided for. */
  hear: (answer: Answer) => void;
  /** The decision's event, or another answer, was read. */
  deliver: (requestId: string) => void;
  moves: () => AnswerMoves;
}

export const createAnswers = ({ decisions, outbox }: AnswersBefore): Answers => {
  const added = new Map<string, Answer>();
  const rewritten = new Map<string, Answer>();
  const heard = new Map<string, Answer>();
  const delivered = new Set<string>();

  const isOpen =
    (productId: string) =>
    ({ requestId, event }: Answer): boolean =>
      event.productId === productId && !delivered.has(requestId);
  const stored = (some: ReadonlyMap<string, Answer>): StoredAnswer[] =>
    Array.from(some, ([requestId, answer]) => ({ answer, delivered: heard.has(requestId) || delivered.has(requestId) }));

  return {
    of: (requestId) => {
      if (requestId === null) return undefined;
      const answer = rewritten.get(requestId) ?? added.get(requestId) ?? heard.get(requestId);
      const known = answer ? { eventId: answer.event.id, delivered: heard.has(requestId) } : decisions.get(requestId);
      return known && { ...known, delivered: known.delivered || delivered.has(requestId) };
    },
    undelivered: (productId) => {
      const earlier = outbox.filter(isOpen(productId)).map((answer) => rewritten.get(answer.requestId) ?? answer);
      return [...earlier, ...[...added.values()].filter(isOpen(productId))];
    },
    add: (answer) => void added.set(answer.requestId, answer),
    replace: (answer) => void (added.has(answer.requestId) ? added : rewritten).set(answer.requestId, answer),
    hear: (answer) => void heard.set(answer.requestId, answer),
    deliver: (requestId) => void delivered.add(requestId),
    moves: () => {
      const [fresh, changed] = [[...stored(added), ...stored(heard)], stored(rewritten)];
      const toAppend = [...changed, ...fresh].flatMap((each) => (each.delivered ? [] : [each.answer])).sort(inPlaces);
      return { added: fresh, rewritten: changed, delivered: [...delivered], toAppend };
    },
  };
};

const placeOf = ({ event }: Answer): number => (event.kind === 'fact' ? event.version : 0);

/** The order in which answers are appended: a fact that comes before its predecessor is void. */
export const inPlaces = (one: Answer, other: Answer): number => placeOf(one) - placeOf(other);

/** A creation is its own answer: it is found by its own id. */
export const creationAsAnswer = (event: ProductCreated): Answer => ({ requestId: event.id, commandHash: event.data.command_hash, event });
