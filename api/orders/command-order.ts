// api/orders/command-order.ts: appends a command as a request, and returns what the processor answered (R2).
// What the order as of now rules out is refused without a record; the processor decides everything else. No HTTP in here.

import { encodeOrderEvent } from '../../shared/log/codec/order-codec.ts';
import type { OrderRequest } from '../../shared/order/events.ts';
import type { RequestedChange } from '../../shared/order/ruled-out.ts';
import { unlessUnavailable } from '../../shared/runtime/app-error.ts';
import { countdown } from '../../shared/runtime/within.ts';
import type { OrderAnswer } from '../reads/tail-memory.ts';
import { appendOrGiveUp } from '../requests/append-in-time.ts';
import { shareOf } from '../requests/outstanding-requests.ts';
import { type CommandOrderOptions, createKeyedCommands } from './keyed-commands.ts';
import { type Commanded, type OrderCommand, pricedChange, requestFor, settledBy } from './requested-change.ts';

/**
 * With an Idempotency-Key the same command has one effect and one answer, on every instance and for ever. Rejects with LOG_OVERLOADED,
 * LOG_UNAVAILABLE or DATABASE_UNAVAILABLE, then this call recorded nothing that has an effect; and with what is wrong with an amendment's
 * price.
 */
export type CommandOrder = (command: OrderCommand) => Promise<Commanded>;

export const createCommandOrder = (options: CommandOrderOptions): CommandOrder => {
  const { topic, appender, orders, priceLines, outstanding, decisionWaitMs, now } = options;
  const commandKeyed = createKeyedCommands(options);

  /**
   * The tail forgets orders that have closed and are stored (tail-memory.ts), so an answer may come without its order: it is as stored.
   * Null when that cannot be read now: to reject would say that nothing was recorded.
   */
  const withOrder = async (answer: OrderAnswer): Promise<OrderAnswer | null> => {
    if (answer.order !== null) return answer;
    const read = orders.fresh(answer.event.orderId).then((found) => ({ ...answer, order: found?.order ?? null }));
    return unlessUnavailable(read);
  };

  const decided = async (request: OrderRequest, change: RequestedChange, traceparent: string | null): Promise<Commanded> => {
    const requestId = request.id;
    const pending = outstanding.register(requestId, shareOf(request.actor));
    const left = countdown(decisionWaitMs);
    try {
      const appended = appendOrGiveUp(appender, encodeOrderEvent(request, topic, traceparent));
      // The answer may come before an acknowledgement that is lost on its way.
      const answered = await Promise.race([pending.answer, appended.then(() => pending.within(left()))]);
      if (answered !== null) {
        const known = await withOrder(answered);
        return known === null ? { outcome: 'pending', requestId, place: answered.place } : settledBy(known, change, false);
      }
      const place = await appended;
      if (place === null) return { outcome: 'unknown', requestId };
      pending.abandon();
      return { outcome: 'pending', requestId, place };
    } finally {
      pending.release();
    }
  };

  return async (command) => {
    if (command.idempotencyKey !== null) return commandKeyed(command, command.idempotencyKey);
    const found = await orders.fresh(command.orderId);
    if (found === null) return { outcome: 'not_found' };
    const change = await pricedChange(command.asked, priceLines);
    const request = requestFor(found, command, { change, keyed: null, now: now() });
    return 'outcome' in request ? request : decided(request, change, command.traceparent);
  };
};
