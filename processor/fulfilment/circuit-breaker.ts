// processor/fulfilment/circuit-breaker.ts: whether the endpoint of fulfilment as a whole is believed to work.
// While it is not, attempts are held back and one probe goes at a time. It never sends anything: attempts.ts queues and sends.

import type { Clock } from '../../shared/runtime/clock.ts';
import type { RetryLater } from './fulfilment.ts';

/** `half_open`: the pause is over, one attempt may find out whether things are better. */
export const CIRCUIT_STATES = ['closed', 'open', 'half_open'] as const;
export type CircuitState = (typeof CIRCUIT_STATES)[number];

export type Pass = 'attempt' | 'probe';

export interface Circuit {
  state: () => CircuitState;
  /** Leave to make one attempt now, whose result is then told; null: wait for `onHalfOpen`, or for a result. */
  admit: () => Pass | null;
  /** The endpoint answered something that is about the one order. */
  answered: () => void;
  failed: (pass: Pass, orderId: string, blames: Exclude<RetryLater['blames'], 'answer'>) => void;
}

export interface CircuitOptions {
  clock: Clock;
  /** From 0 to 1, like Math.random. */
  random: () => number;
  onChange: (state: CircuitState) => void;
  onHalfOpen: () => void;
}

// This many failures in a row, without an answer between them. One order alone, whatever it does, does not open the circuit, unless
// the failure is none that an order can cause: the others' attempts go on, and it is parked when its own are used up.
const FAILURES_TO_OPEN = 5;
// From "perhaps a restart" to "an operator is working on it". Not longer: a probe costs the endpoint nothing, and all wait for it.
const PAUSE_MIN_MS = 1_000;
const PAUSE_MAX_MS = 10_000;

export const createCircuit = ({ clock, random, onChange, onHalfOpen }: CircuitOptions): Circuit => {
  let state: CircuitState = 'closed';
  let probing = false;
  let failures = 0;
  /** The one order that all those failures were of; null: of several, or not of an order at all. */
  let onlyOf: string | null = null;
  /** Without an answer between them. */
  let pauses = 0;
  let openings = 0;

  const become = (next: CircuitState): void => {
    if (next === state) return;
    state = next;
    onChange(next);
  };
  const open = (): void => {
    pauses += 1;
    probing = false;
    openings += 1;
    const mine = openings;
    become('open');
    // At least half of it: processors that lost the endpoint together do not come back to it together, nor at once.
    const longest = Math.min(PAUSE_MAX_MS, PAUSE_MIN_MS * 2 ** (pauses - 1));
    clock.after(Math.round((longest / 2) * (1 + random())), () => {
      if (state !== 'open' || openings !== mine) return; // closed meanwhile, and perhaps open again for a pause of its own
      become('half_open');
      onHalfOpen();
    });
  };

  return {
    state: () => state,
    admit: () => {
      if (state === 'closed') return 'attempt';
      if (state === 'open' || probing) return null;
      probing = true;
      return 'probe';
    },
    answered: () => {
      failures = 0;
      pauses = 0;
      probing = false;
      become('closed');
    },
    failed: (pass, orderId, blames) => {
      if (pass === 'probe' && state === 'half_open') {
        open();
        return;
      }
      if (state !== 'closed') return; // begun before it opened
      const of = blames === 'order' ? orderId : null;
      onlyOf = failures === 0 || onlyOf === of ? of : null;
      failures += 1;
      if (failures >= FAILURES_TO_OPEN && onlyOf === null) open();
    },
  };
};
