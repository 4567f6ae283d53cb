// processor/ledger/stock.ts: the arithmetic of stock: what steps do to reservations and to the counts of products.
// Pure; the ledger loads what the steps concern, under locks, and writes what this returns. Decisions never promise what is not there; what
// the log says is done whatever there is (R18).

import { type StockLine, sameLines } from '../../shared/order/stock.ts';
import type { StockDecision, StockStep } from './ledger.ts';

export interface Reservation {
  /** The version that the order had when this was decided (R4). */
  version: number;
  state: 'held' | 'closed';
  /** Held: units kept for the order. Closed: units it took for good; none if it gave them back. */
  lines: readonly StockLine[];
}

export interface ProductStock {
  /** False: only orders know this product. Its creation is not read yet, or never comes. */
  isCreated: boolean;
  /** Units that may be promised or are: put in by facts that were read, less those that a decision has taken out. */
  putIn: number;
  /** Units put in by facts that are on their way through the log. */
  coming: number;
  reserved: number;
  sold: number;
}

export interface StockState {
  reservations: ReadonlyMap<string, Reservation>;
  products: ReadonlyMap<string, ProductStock>;
}

export interface StockMoves {
  decisions: StockDecision[];
  /** What is new or differs, by id. */
  reservations: Map<string, Reservation>;
  products: Map<string, ProductStock>;
}

const UNKNOWN: ProductStock = { isCreated: false, putIn: 0, coming: 0, reserved: 0, sold: 0 };

/**
 * Does the steps one after the other. Total: every step that follows from the log can be done. Guarantees: reserved and sold are at any
 * time the sums of the held and the closed lines; a decision never takes more than there is, and all of its lines or none; a closed
 * reservation never changes again. Repeating steps, or doing them again from the first on, changes nothing (R3).
 */
export const moveStock = (state: StockState, steps: readonly StockStep[]): StockMoves => {
  const moves: StockMoves = { decisions: [], reservations: new Map(), products: new Map() };
  const reservationOf = (orderId: string) => moves.reservations.get(orderId) ?? state.reservations.get(orderId);
  const productOf = (id: string) => moves.products.get(id) ?? state.products.get(id) ?? UNKNOWN;

  const add = (lines: readonly StockLine[], count: 'reserved' | 'sold', sign: 1 | -1): void => {
    for (const { product_id: id, quantity } of lines) {
      const product = productOf(id);
      moves.products.set(id, { ...product, [count]: product[count] + sign * quantity });
    }
  };
  const isEnough = ({ product_id: id, quantity }: StockLine): boolean => {
    const { putIn, reserved, sold } = productOf(id);
    return putIn - sold - reserved >= quantity;
  };
  const willBeEnough = ({ product_id: id, quantity }: StockLine): boolean => {
    const { putIn, coming, reserved, sold } = productOf(id);
    return putIn + coming - sold - reserved >= quantity;
  };

  const decide = ({ orderId, version, lines }: StockStep): StockDecision => {
    const found = reservationOf(orderId);
    if (found?.state === 'closed') return 'closed';
    if (found && found.version > version) return 'stale';
    if (found?.version === version) return 'reserved';
    if (lines.some(({ product_id: id }) => !productOf(id).isCreated)) return 'wait';
    if (found) {
      add(found.lines, 'reserved', -1);
      // Kept under its old version, so that the same question finds no answer yet.
      moves.reservations.set(orderId, { ...found, lines: [] });
    }
    // A client that was told that units were put in may order them: they are in the log, only not read here yet.
    if (!lines.every(isEnough)) return lines.every(willBeEnough) ? 'wait' : 'out-of-stock';
    add(lines, 'reserved', 1);
    moves.reservations.set(orderId, { version, state: 'held', lines });
    return 'reserved';
  };
  const hold = ({ orderId, version, lines }: StockStep): void => {
    const found = reservationOf(orderId);
    if (found && (found.state === 'closed' || found.version > version)) return;
    if (found?.version === version && sameLines(found.lines, lines)) return;
    if (found) add(found.lines, 'reserved', -1);
    add(lines, 'reserved', 1);
    moves.reservations.set(orderId, { version, state: 'held', lines });
  };
  const close = ({ orderId, version, do: how }: StockStep): void => {
    const found = reservationOf(orderId);
    if (found?.state === 'closed') return;
    const lines = found?.lines ?? [];
    add(lines, 'reserved', -1);
    if (how === 'sell') add(lines, 'sold', 1);
    moves.reservations.set(orderId, { version, state: 'closed', lines: how === 'sell' ? lines : [] });
  };

  for (const step of steps) {
    if (step.do === 'decide') moves.decisions.push(decide(step));
    else {
      if (step.do === 'hold') hold(step);
      else close(step);
      moves.decisions.push('done');
    }
  }
  return moves;
};
