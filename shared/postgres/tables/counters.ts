// shared/postgres/tables/counters.ts: table `counters`: how many orders stand where, and the sums that averages are made of, per partition.
// One list: what the projector adds up, what is stored, and what the api and the metrics read.

import { ORDER_STATUSES, type OrderStatus } from '../../order/lifecycle.ts';
import { type Column, column, int4, int8 } from '../binary.ts';

/** Counter → column. The sums run over completed orders, times in milliseconds. */
const COLUMNS = {
  ...(Object.fromEntries(ORDER_STATUSES.map((status) => [status, status])) as { [S in OrderStatus]: S }),
  parked: 'parked',
  revenueMinor: 'revenue_minor',
  processingMs: 'processing_ms',
  totalMs: 'total_ms',
  /** How many orders `processingMs` runs over. */
  completedProcessing: 'completed_processing',
} as const;

export type Counters = Record<keyof typeof COLUMNS, number>;

export const COUNTERS = Object.keys(COLUMNS) as readonly (keyof Counters)[];

export const zeroCounters = (): Counters => Object.fromEntries(COUNTERS.map((name) => [name, 0])) as Counters;

/** The columns of a row, written from the partition and what is to be added. */
export const COUNTER_FIELDS: readonly Column<[partition: number, added: Counters]>[] = [
  column('partition', int4, ([partition]) => partition),
  ...COUNTERS.map((name) => column(COLUMNS[name], int8, ([, added]: [number, Counters]) => added[name])),
];

/** A SELECT list over any number of rows, which answers with `Counters`: zeros where there are none. */
export const COUNTER_SUMS = COUNTERS.map((name) => `coalesce(sum(${COLUMNS[name]}), 0)::int8 AS "${name}"`).join(', ');

/** The column of each counter. */
export const columnOf = (name: keyof Counters): string => COLUMNS[name];
