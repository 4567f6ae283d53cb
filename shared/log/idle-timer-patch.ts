// shared/log/idle-timer-patch.ts: stops kafkajs 2.2.4 from re-arming a 1 ms timer per idle connection for ever (925 timers
// a second and 2 % of a core on an idle producer; github.com/tulios/kafkajs/issues/1556, /1751; fixed in no release).

import { internalModule } from './kafkajs-internals.ts';

interface RequestQueue {
  pending: unknown[];
  scheduleCheckPendingRequests(): void;
}

const PATCHED = Symbol.for('order-service.kafkajs-idle-timer-patch');

/**
 * Makes `RequestQueue.scheduleCheckPendingRequests` do nothing while no request waits: then there is nothing to check, and
 * a request that comes to wait later schedules the check itself. Applied once per process, however often it is called.
 */
export const applyIdleTimerPatch = (): void => {
  const prototype = internalModule<{ prototype: RequestQueue & { [PATCHED]?: true } }>('network/requestQueue').prototype;
  if (prototype[PATCHED]) return;
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.pending.length > 0) schedule.call(this);
  };
  prototype[PATCHED] = true;
};
