// bench/rates/sustained-rate.ts: what it means that a rate is sustained, and the search for the highest one. No I/O of its own.

import { type Point, slope } from '../measure/statistics.ts';

/** `x`: seconds, `y`: orders that were due and are not completed. */
export type Backlog = readonly Point[];

// A constant rate leaves a backlog that neither grows nor is long: what is under way at any time is a few hundred orders.
const SHORT_SECONDS = 0.25;
const GROWTH_MAX_SECONDS = 0.25;
const BACKLOG_MAX_SECONDS = 1;

/**
 * True when everything but a quarter of a second's worth of orders is completed at the end, whatever happened in between; or
 * all but a second's worth, and the trend over the whole time adds at most a quarter's: in a minute a slope of 0.4 % of the rate.
 */
export const isFlat = (backlog: Backlog, rate: number): boolean => {
  const [first, last] = [backlog[0], backlog.at(-1)];
  if (first === undefined || last === undefined || last.x <= first.x) return false;
  if (last.y <= SHORT_SECONDS * rate) return true;
  const growth = slope(backlog) * (last.x - first.x);
  return last.y <= BACKLOG_MAX_SECONDS * rate && growth <= GROWTH_MAX_SECONDS * rate;
};

export interface Trial {
  rate: number;
  flat: boolean;
}

export interface SearchOptions<T extends Trial> {
  from: number;
  step: number;
  /** Tries a rate for a short time. */
  probe: (rate: number) => Promise<T>;
  /** Tries it for as long as is asked. */
  confirm: (rate: number) => Promise<T>;
}

const RATE_MAX = 20_000; // orders/s, beyond what two cores can do
const CONFIRMATIONS_MAX = 3; // a rate that short probes pass may be one or two steps too high for a minute

/**
 * Climbs from `from` in steps until a probe is not flat, or descends until one is; then confirms, going down a step each time
 * that fails. Resolves with the last confirmation, flat or not.
 */
export const highestSustained = async <T extends Trial>({ from, step, probe, confirm }: SearchOptions<T>): Promise<T> => {
  let rate = from;
  if ((await probe(rate)).flat) {
    while (rate + step <= RATE_MAX && (await probe(rate + step)).flat) rate += step;
  } else {
    while (rate - step > 0) {
      rate -= step;
      if ((await probe(rate)).flat) break;
    }
  }
  for (let confirmations = 1; ; confirmations += 1) {
    const trial = await confirm(rate);
    if (trial.flat || confirmations === CONFIRMATIONS_MAX || rate - step <= 0) return trial;
    rate -= step;
  }
};
