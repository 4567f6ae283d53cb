// processor/product-outbox.ts: appends the verdicts on product requests (R11). The ledger has fixed each of them, so appending is
// all that is left; one at a time per product, in the order of the decisions, until it is read back from the log.

import type { Appender } from '../shared/log/log.ts';
import { encodeProductEvent } from '../shared/log/product-codec.ts';
import { AppError } from '../shared/runtime/app-error.ts';
import type { Clock } from '../shared/runtime/clock.ts';
import type { Logger } from '../shared/runtime/logger.ts';
import type { Answer } from './ledger/product-requests.ts';

export interface ProductOutbox {
  /** Answers in the order of their decisions; one that waits here already is not taken twice. */
  add: (answers: readonly Answer[]) => void;
  /** Read back from the log, whoever appended them. */
  delivered: (requestIds: readonly string[]) => void;
  /** Nothing more is appended. */
  close: () => void;
}

export interface ProductOutboxOptions {
  topic: string;
  appender: Appender;
  clock: Clock;
  logger: Logger;
  onFatal: (error: Error) => void;
}

const APPEND_AGAIN_MS = 250; // the lane has its own back-off; this only keeps a full queue from spinning
// Acknowledged means in the log, so it will be read; unless the broker lost it with its leader (see `Appender`).
const READ_WITHIN_MS = 10_000;

export const createProductOutbox = ({ topic, appender, clock, logger, onFatal }: ProductOutboxOptions): ProductOutbox => {
  // Bounded by the requests without an answer, which the rate of appends bounds.
  const queues = new Map<string, Answer[]>();
  const productOf = new Map<string, string>();
  let closed = false;

  const isHead = ({ requestId, event }: Answer): boolean => !closed && queues.get(event.productId)?.[0]?.requestId === requestId;

  const append = (answer: Answer): void => {
    const again = (delayMs: number): void => clock.after(delayMs, () => isHead(answer) && append(answer));
    const failed = (error: Error): void => {
      if (error instanceof AppError && !error.retryable) {
        onFatal(error);
        return;
      }
      logger.warn({ err: error, product_id: answer.event.productId, event: answer.event.name }, 'append without a known outcome; again');
      again(APPEND_AGAIN_MS);
    };
    appender
      .append(encodeProductEvent(answer.event, topic))
      .then(() => again(READ_WITHIN_MS), failed)
      .catch(onFatal);
  };

  return {
    add: (answers) => {
      for (const answer of answers) {
        if (productOf.has(answer.requestId)) continue;
        const { productId } = answer.event;
        productOf.set(answer.requestId, productId);
        const queue = queues.get(productId);
        if (queue) queue.push(answer);
        else {
          queues.set(productId, [answer]);
          append(answer);
        }
      }
    },
    delivered: (requestIds) => {
      for (const requestId of requestIds) {
        const productId = productOf.get(requestId);
        const queue = productId === undefined ? undefined : queues.get(productId);
        if (productId === undefined || queue === undefined) continue;
        productOf.delete(requestId);
        const wasHead = queue[0]?.requestId === requestId;
        const rest = queue.filter((answer) => answer.requestId !== requestId);
        if (rest.length === 0) queues.delete(productId);
        else {
          queues.set(productId, rest);
          if (wasHead) append(rest[0]!);
        }
      }
    },
    close: () => {
      closed = true;
    },
  };
};
