// bench/cpu-per-order.ts: CPU time per completed order, by process: the one number that says what everything costs together.

import type { Details } from './findings.ts';
import { sum } from './statistics.ts';
import type { Usage } from './window.ts';

export interface Cost {
  /** Microseconds. */
  total: number;
  byProcess: Record<string, number>;
}

export const cpuPerOrder = ({ cpu }: Usage, orders: number): Cost => {
  const byProcess = Object.fromEntries(Object.entries(cpu).map(([name, seconds]) => [name, (seconds * 1_000_000) / orders]));
  return { total: sum(Object.values(byProcess)), byProcess };
};

/** One row per load, one column per process. */
export const cpuTable = (title: string, loads: Readonly<Record<string, Cost['byProcess']>>): Details => {
  const processes = [...new Set(Object.values(loads).flatMap((cost) => Object.keys(cost)))];
  return {
    title,
    remarks: ['Microseconds of user and system time. PostgreSQL with all of its processes, without the one that serves the measuring.'],
    columns: ['load', ...processes, 'together'],
    rows: Object.entries(loads).map(([load, cost]) => [
      load,
      ...processes.map((name) => (cost[name] === undefined ? '–' : Math.round(cost[name]))),
      Math.round(sum(Object.values(cost))),
    ]),
  };
};
