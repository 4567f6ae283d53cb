// bench/report/cpu-per-order.ts: CPU time per order, by process: the one number that says what everything costs together.

import { sum } from '../measure/statistics.ts';
import type { Usage } from '../measure/window.ts';
import type { Details } from './findings.ts';

/** Microseconds per order. */
export interface Cost {
  byProcess: Readonly<Record<string, number>>;
  total: number;
  /** What measuring costs; not in the total. */
  observers: number;
}

export const cpuPerOrder = ({ cpu, cpuOfObservers }: Pick<Usage, 'cpu' | 'cpuOfObservers'>, orders: number): Cost => {
  const perOrder = (seconds: number) => (seconds * 1_000_000) / orders;
  const byProcess = Object.fromEntries(Object.entries(cpu).map(([name, seconds]) => [name, perOrder(seconds)]));
  return { byProcess, total: sum(Object.values(byProcess)), observers: perOrder(cpuOfObservers) };
};

/** One row per load, one column per process. */
export const cpuTable = (title: string, loads: Readonly<Record<string, Cost>>): Details => {
  const processes = [...new Set(Object.values(loads).flatMap(({ byProcess }) => Object.keys(byProcess)))];
  return {
    title,
    remarks: ['Microseconds of user and system time. PostgreSQL with all of its processes, without the one that serves the measuring.'],
    columns: ['', ...processes, 'together', 'not in the sum: load generator'],
    rows: Object.entries(loads).map(([load, { byProcess, total, observers }]) => [
      load,
      ...processes.map((name) => (byProcess[name] === undefined ? '–' : Math.round(byProcess[name]))),
      Math.round(total),
      Math.round(observers),
    ]),
  };
};
