// processor/products/product-outbox.ts: appends the decisions on product requests, in the order in which the ledger fixed them (R11).
// When that order is in doubt it appends again from the first one that was not read back.

import { encodeProductEvent } from '../../shared/log/codec/product-codec.ts';
import type { Appender } from '../../shared/log/log.ts';
import { AppError } from '../../shared/runtime/app-error.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Outage } from '../../shared/runtime/outage.ts';
import type { Answer } from '../ledger/products/product-answers.ts';

export interface ProductOutbox {
  /** Answers in the order of their decisions; one that waits here already is not taken twice. */
  add: (answers: readonly Answer[]) => void;
  /** Read back from the log, whichever process appended them. */
  delivered: (requestIds: readonly string[]) => void;
  /** Nothing more is appended. */
  close: () => void;
}

export interface ProductOutboxOptions {
  topic: string;
  appender: Appender;
  clock: Clock;
  /** Of all outboxes: their appends fail together. */
  outage: Outage;
  onFatal: (error: Error) => void;
}

// Time for what landed after all to be read: copies are void, but they stay in the log.
const APPEND_AGAIN_MS = 250;
// Acknowledged means in the log, so it will be read; unless the broker lost it with its leader (see `Appender`).
const READ_WITHIN_MS = 10_000;

/** What is to be read of one product. The appender keeps the order of its appends, so they need not wait for one another. */
interface Line {
  /** In the order of their decisions, which is that of their versions. */
  unread: Answer[];
  inFlight: number;
  /** One of them may be missing in the log: what came behind it is void then. Nothing is appended until all are appended again. */
  inDoubt: boolean;
}

export const createProductOutbox = ({ topic, appender, clock, outage, onFatal }: ProductOutboxOptions): ProductOutbox => {
  // Bounded by the requests without an answer, which the rate of appends bounds.
  const lines = new Map<string, Line>();
  const productOf = new Map<string, string>();
  let closed = false;

  const append = (line: Line, answer: Answer): void => {
    line.inFlight += 1;
    appender
      .append(encodeProductEvent(answer.event, topic))
      .then(
        () => {
          outage.over();
          clock.after(READ_WITHIN_MS, () => line.unread.includes(answer) && doubt(line));
        },
        (error: Error) => notConfirmed(line, answer, error),
      )
      .then(() => {
        line.inFlight -= 1;
        if (line.inDoubt) againWhenQuiet(line);
      })
      .catch(onFatal);
  };

  const notConfirmed = (line: Line, { event }: Answer, error: Error): void => {
    if (error instanceof AppError && !error.retryable) throw error;
    outage.failed(error, { product_id: event.productId, event: event.name });
    line.inDoubt = true;
  };

  const doubt = (line: Line): void => {
    if (line.inDoubt) return;
    line.inDoubt = true;
    againWhenQuiet(line);
  };

  // Only once all have come back: an append still under way would land between its predecessors.
  const againWhenQuiet = (line: Line): void => {
    if (line.inFlight > 0) return;
    clock.after(APPEND_AGAIN_MS, () => {
      line.inDoubt = false;
      if (!closed) for (const answer of line.unread) append(line, answer);
    });
  };

  return {
    add: (answers) => {
      for (const answer of answers) {
        if (productOf.has(answer.requestId)) continue;
        const { productId } = answer.event;
        productOf.set(answer.requestId, productId);
        const line = lines.get(productId) ?? { unread: [], inFlight: 0, inDoubt: false };
        lines.set(productId, line);
        line.unread.push(answer);
        if (!line.inDoubt) append(line, answer);
      }
    },
    delivered: (requestIds) => {
      for (const requestId of requestIds) {
        const productId = productOf.get(requestId);
        const line = productId === undefined ? undefined : lines.get(productId);
        if (productId === undefined || line === undefined) continue;
        productOf.delete(requestId);
        line.unread = line.unread.filter((answer) => answer.requestId !== requestId);
        if (line.unread.length === 0) lines.delete(productId);
      }
    },
    close: () => {
      closed = true;
    },
  };
};
