// shared/log/connect/idle-timer-patch.ts: corrects two timers of kafkajs 2.2.4 that make idle connections expensive.
// kafkajs re-arms a 1 ms timer per connection for ever (925 timers a second and 2 % of a core on an idle producer;
// github.com/tulios/kafkajs/issues/1556, /1751; fixed in no release), and looks for timed-out requests ten times a second on each
// connection (40 wake-ups a second in the api).

import { internalModule } from './kafkajs-internals.ts';

const SENT_AT = Symbol('sent at');

interface SocketRequest {
  requestTimeout: number;
  timeoutRequest: () => void;
  /** By `performance.now()`. Ours: kafkajs's own `sentAt` follows a clock that may jump. */
  [SENT_AT]?: number;
}

interface RequestQueue {
  pending: unknown[];
  inflight: Map<number, SocketRequest>;
  enforceRequestTimeout: boolean;
  requestTimeoutIntervalId: NodeJS.Timeout | null;
  isConnected: () => boolean;
  destroy(): void;
  scheduleCheckPendingRequests(): void;
  scheduleRequestTimeoutCheck(): void;
  sendSocketRequest(request: SocketRequest): void;
}

const PATCHED = Symbol.for('order-service.kafkajs-idle-timer-patch');
// Time-outs of requests are many seconds: half a second more or less does not matter to them.
const TIMEOUT_CHECK_MS = 500;

/**
 * Makes `scheduleCheckPendingRequests` do nothing while no request waits: then there is nothing to check, and a request that
 * comes to wait later schedules the check itself. Makes `scheduleRequestTimeoutCheck` do what it did, less often and by a
 * clock that does not jump. Applied once per process, however often it is called.
 */
export const applyIdleTimerPatch = (): void => {
  const prototype = internalModule<{ prototype: RequestQueue & { [PATCHED]?: true } }>('network/requestQueue').prototype;
  if (prototype[PATCHED]) return;
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.pending.length > 0) schedule.call(this);
  };
  const send = prototype.sendSocketRequest;
  prototype.sendSocketRequest = function (this: RequestQueue, request: SocketRequest): void {
    request[SENT_AT] = performance.now();
    send.call(this, request);
  };
  prototype.scheduleRequestTimeoutCheck = function (this: RequestQueue): void {
    if (!this.enforceRequestTimeout) return;
    this.destroy();
    this.requestTimeoutIntervalId = setInterval(() => endTimedOut(this), TIMEOUT_CHECK_MS);
  };
  prototype[PATCHED] = true;
};

const endTimedOut = (queue: RequestQueue): void => {
  const now = performance.now();
  for (const request of queue.inflight.values()) {
    if (now - (request[SENT_AT] ?? now) > request.requestTimeout) request.timeoutRequest();
  }
  if (!queue.isConnected()) queue.destroy();
};
