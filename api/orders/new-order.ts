// api/orders/new-order.ts: turns the body of a submission into the normalised command.
// All ways to write the same order give the same command, and so the same hash. Pure; an invalid submission is a Problem.

import { createHash } from 'node:crypto';
import type { ItemData } from '../../shared/order/events.ts';
import { toMinor } from '../../shared/order/money.ts';
import { ID, toId, whyNotChoosable } from '../http/ids.ts';
import { type FieldError, type Problem, validationFailed } from '../http/problems.ts';
import { ITEMS_MAX, QUANTITY_MAX, type SubmissionBody } from '../schemas/submission.ts';

/** What is ordered, and what it costs. */
export interface OrderLines {
  /** Each product once, in the order of its first mention. */
  items: ItemData[];
  totalMinor: number;
}

/** The lines as the client sent them, before the catalogue has priced them. */
export interface SentLines {
  items: ItemData[];
  totalMinor: number | null;
}

export interface NewOrder extends SentLines {
  userId: string;
}

/**
 * Normalises a body that its schema has accepted. Repeated products add up, to at most QUANTITY_MAX each: the limit is on
 * what one order asks of one product. Throws VALIDATION_FAILED. What it costs is
 * not looked at here: a price that changes must not turn a repeated command into another one.
 */
export const newOrder = (body: OwnedBody): NewOrder => {
  const unchoosable = body.order_id === undefined ? null : whyNotChoosable(body.order_id);
  if (unchoosable !== null) throw invalid('/order_id', unchoosable);
  return { userId: toId(body.user_id), ...newLines(body) };
};

/** A submission that says whose it is. */
export type OwnedBody = SubmissionBody & { user_id: string | number };

/** The lines of a submission or of an amendment, by the same rules. Throws VALIDATION_FAILED. */
export const newLines = (body: LinesInput): SentLines => ({
  items: itemsOf(body),
  totalMinor: body.total_amount === undefined ? null : toMinor(body.total_amount),
});

type LinesInput = Pick<SubmissionBody, 'items' | 'item_ids' | 'total_amount'>;

/** Says whether two submissions under one key are the same command. Kept in OrderCreated for ever, so its form never changes. */
export const commandHash = ({ userId, items, totalMinor }: NewOrder): string => {
  const canonical = [
    userId,
    items.map(({ product_id, quantity, unit_price_minor }) => [product_id, quantity, unit_price_minor]),
    totalMinor,
  ];
  return createHash('sha256').update(JSON.stringify(canonical)).digest('base64url');
};

const itemsOf = ({ items, item_ids }: LinesInput): ItemData[] => {
  if (items !== undefined && item_ids !== undefined) throw invalid('/item_ids', 'must not be given together with /items');
  if (items !== undefined) return fromItems(items);
  if (item_ids !== undefined) return fromIds(item_ids);
  throw invalid('/items', 'or /item_ids is required');
};

const fromItems = (items: NonNullable<SubmissionBody['items']>): ItemData[] => {
  const merged = new Map<string, ItemData>();
  for (const [index, { product_id, quantity = 1, unit_price }] of items.entries()) {
    const unit_price_minor = unit_price === undefined ? null : toMinor(unit_price);
    add(merged, { product_id: toId(product_id), quantity, unit_price_minor, stocked: false }, `/items/${index}`);
  }
  return [...merged.values()];
};

const fromIds = (ids: NonNullable<SubmissionBody['item_ids']>): ItemData[] => {
  const list = typeof ids === 'string' ? splitIds(ids) : ids.map(toId);
  const merged = new Map<string, ItemData>();
  for (const product_id of list) add(merged, { product_id, quantity: 1, unit_price_minor: null, stocked: false }, '/item_ids');
  return [...merged.values()];
};

/** "5, 6,7" with spaces around the ids. An empty entry is a slip that would lose an item, so it is refused. */
const splitIds = (text: string): string[] => {
  const ids = text.split(',').map((entry) => entry.trim());
  const errors: FieldError[] = [];
  if (ids.length > ITEMS_MAX) errors.push({ path: '/item_ids', message: `must have at most ${ITEMS_MAX} entries` });
  else if (!ids.every((id) => ID.test(id)))
    errors.push({ path: '/item_ids', message: 'must be ids separated by commas, without empty entries' });
  if (errors.length > 0) throw validationFailed(errors);
  return ids;
};

const add = (merged: Map<string, ItemData>, item: ItemData, path: string): void => {
  const known = merged.get(item.product_id);
  if (known === undefined) {
    merged.set(item.product_id, item);
    return;
  }
  if (known.unit_price_minor !== item.unit_price_minor) throw invalid(path, 'repeats a product with another unit_price');
  known.quantity += item.quantity;
  if (known.quantity > QUANTITY_MAX) throw invalid(path, `makes the quantity of one product larger than ${QUANTITY_MAX}`);
};

const invalid = (path: string, message: string): Problem => validationFailed([{ path, message }]);
