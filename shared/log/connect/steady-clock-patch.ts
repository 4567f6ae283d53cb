// shared/log/connect/steady-clock-patch.ts: corrects two places where kafkajs 2.2.4 measures a wait by the time of day.
// When the machine's clock is put back by an hour, a consumer sends no heartbeat for an hour: its group gives its partitions away and it
// never hears of it. Time-outs of requests are corrected in idle-timer-patch.ts, which has to touch them anyway.

import { internalModule } from './kafkajs-internals.ts';

interface ConsumerGroup {
  /** Epoch milliseconds of the last heartbeat. */
  lastRequest: number;
  heartbeat(options: { interval: number }): Promise<void>;
}

interface RequestQueue {
  inflight: Map<number, unknown>;
  maxInFlightRequests: number | null;
  throttledUntil: number;
  maybeThrottle(clientSideThrottleTime: number | null): void;
  canSendSocketRequestImmediately(): boolean;
}

const PATCHED = Symbol.for('order-service.kafkajs-steady-clock-patch');

/**
 * Makes a heartbeat due whenever the clock reads less than at the last one, and throttling by a broker with quotas end after the time
 * that was asked for. Applied once per process, however often it is called.
 */
export const applySteadyClockPatch = (): void => {
  const group = internalModule<{ prototype: ConsumerGroup & { [PATCHED]?: true } }>('consumer/consumerGroup').prototype;
  if (group[PATCHED]) return;
  const heartbeat = group.heartbeat;
  group.heartbeat = function (this: ConsumerGroup, options): Promise<void> {
    if (Date.now() < this.lastRequest) this.lastRequest = 0;
    return heartbeat.call(this, options);
  };
  const queue = internalModule<{ prototype: RequestQueue }>('network/requestQueue').prototype;
  queue.maybeThrottle = function (this: RequestQueue, ms): void {
    if (ms !== null && ms > 0) this.throttledUntil = Math.max(performance.now() + ms, this.throttledUntil);
  };
  queue.canSendSocketRequestImmediately = function (this: RequestQueue): boolean {
    const full = this.maxInFlightRequests !== null && this.inflight.size >= this.maxInFlightRequests;
    return !full && this.throttledUntil <= performance.now();
  };
  group[PATCHED] = true;
};
