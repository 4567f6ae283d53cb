// api/http/ids.ts: ids as they come in, and the rules for those that a client chooses.

import { Type } from 'typebox';

export const ID_PATTERN = '^[A-Za-z0-9_.:-]{1,64}$';
export const ID = new RegExp(ID_PATTERN);

/** An id as it goes out, and in paths and queries. */
export const IdSchema = Type.String({ pattern: ID_PATTERN, examples: ['101'] });

/** An id in a body: a string, or a whole number that stands for its decimal digits. `pattern` concerns only the string. */
export const IdInput = Type.Unsafe<string | number>({
  type: ['string', 'integer'],
  pattern: ID_PATTERN,
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
  examples: ['101', 101],
});

export const toId = (id: string | number): string => String(id);

/** Keyed orders have ids that begin like this, so clients may not choose them. */
export const KEYED_PREFIX = 'k_';

// Segments that clients remove from a URL before they send it.
const DOTS = ['.', '..'];
// Paths under /orders that are routes.
const ROUTES = ['metrics', 'populate', 'import', 'export'];
const UNREACHABLE = new Set([...ROUTES, ...DOTS]);

const ID_BUT = (refused: string): string => ID_PATTERN.replace('^', `^(?!${refused})`);
/** `ID_PATTERN` without what clients may not choose for a product, and for an order (`whyNotChoosable`). */
export const PRODUCT_ID_PATTERN = ID_BUT(`${KEYED_PREFIX}|\\.{1,2}$`);
export const ORDER_ID_PATTERN = ID_BUT(`${KEYED_PREFIX}|(?:${ROUTES.join('|')}|\\.{1,2})$`);

/** Why a client may not choose this id of an order, or null. The pattern has been checked. */
export const whyNotChoosable = (orderId: string): string | null =>
  whyKeyed(orderId) ?? (UNREACHABLE.has(orderId) ? 'is the name of a route, so the order could not be read' : null);

/** The same for a product. */
export const whyNotChoosableProduct = (productId: string): string | null =>
  whyKeyed(productId) ?? (DOTS.includes(productId) ? 'cannot be part of a URL' : null);

const whyKeyed = (id: string): string | null =>
  id.startsWith(KEYED_PREFIX) ? `must not begin with ${KEYED_PREFIX}: such ids are derived from an Idempotency-Key` : null;
