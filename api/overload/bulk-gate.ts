// api/overload/bulk-gate.ts: holds bulk orders (populate, import) back, so that single submissions never wait for them or are refused.
// One gate per process, shared by all bulk requests, first come, first served.

export interface BulkGateOptions {
  openOrders: () => number;
  /** OPEN_ORDERS_MAX: bulk takes at most half of it (R13). */
  openOrdersMax: number;
  /** Takes what single requests leave of ADMISSION_MAX_PER_SECOND (admission.ts), if there is some. */
  spare: () => boolean;
  /** How long no bulk order may enter, while the number of open orders stands still at that half, before waiting is given up. */
  stallMs?: number;
}

export interface BulkGate {
  /** Waits for a place: true, and `leave` must follow; or false, when nothing moves any more or the process stops. */
  enter: () => Promise<boolean>;
  leave: () => void;
  /** No further bulk order enters. */
  stop: () => void;
}

/** Less than one round of the appender (500): a single submission always finds room in the next round. */
export const BULK_IN_FLIGHT_MAX = 400;
const OPEN_SHARE = 0.5;
// Only looked at while a bulk order waits because too much is open, which only the processors can change, or because nothing is spare.
const LOOK_EVERY_MS = 20;
// Processors that are taken over from stand still for some seconds.
const STALL_MS = 15_000;

export const createBulkGate = ({ openOrders, openOrdersMax, spare, stallMs = STALL_MS }: BulkGateOptions): BulkGate => {
  const openMax = Math.max(1, Math.floor(openOrdersMax * OPEN_SHARE));
  const waiting: ((entered: boolean) => void)[] = [];
  let inside = 0;
  let stopped = false;
  let timer: NodeJS.Timeout | null = null;
  let lowest = Number.POSITIVE_INFINITY;
  let movedAt = 0;

  const hasRoom = (): boolean => inside < BULK_IN_FLIGHT_MAX && openOrders() < openMax;
  const letIn = (): void => {
    while (waiting.length > 0 && hasRoom() && spare()) {
      inside += 1;
      movedAt = performance.now();
      waiting.shift()!(true);
    }
  };
  const turnAway = (): void => {
    for (const answer of waiting.splice(0)) answer(false);
  };
  /** A bulk order waits, and not for one of those inside to leave. */
  const mustLook = (): boolean => waiting.length > 0 && inside < BULK_IN_FLIGHT_MAX;
  const look = (): void => {
    timer = null;
    const open = openOrders();
    if (open < lowest) [lowest, movedAt] = [open, performance.now()];
    letIn();
    if (mustLook() && performance.now() - movedAt > stallMs) turnAway();
    watch();
  };
  const watch = (): void => {
    if (timer !== null || !mustLook()) return;
    timer = setTimeout(look, LOOK_EVERY_MS);
  };

  return {
    enter: () => {
      if (stopped) return Promise.resolve(false);
      return new Promise((resolve) => {
        if (waiting.length === 0) [lowest, movedAt] = [Number.POSITIVE_INFINITY, performance.now()];
        waiting.push(resolve);
        letIn();
        watch();
      });
    },
    leave: () => {
      inside -= 1;
      letIn();
      watch();
    },
    stop: () => {
      stopped = true;
      turnAway();
      if (timer !== null) clearTimeout(timer);
    },
  };
};
