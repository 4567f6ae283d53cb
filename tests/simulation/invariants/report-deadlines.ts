// tests/simulation/invariants/report-deadlines.ts: what a processor gives up waiting for has had its whole time.
// By its own clock since the acceptance, or by the world's time since it has had the partition, whichever it can know.

import type { Appender } from '../../../shared/log/log.ts';
import type { Process } from '../kernel/process.ts';
import type { World } from '../world.ts';

export interface ReportDeadlines {
  /** The process has just been given these partitions. */
  begin: (assignments: readonly { partition: number }[]) => void;
  watched: (appender: Appender) => Appender;
}

const PARKED = 'orders.OrderParked.v1';
const isOverdue = (value: string): boolean => (JSON.parse(value) as { code: string }).code === 'FULFILMENT_OVERDUE';

export const watchReportDeadlines = ({ sim, truth }: World, process: Process, deadlineMs: number): ReportDeadlines => {
  const since = new Map<number, { at: number; clockOffMs: number }>();
  const check = (orderId: string, parkedAt: number): void => {
    const { order, partition } = truth.orders.get(orderId)!;
    const { at, clockOffMs } = since.get(partition)!;
    if (order.accepted === null || clockOffMs !== process.clockOffMs) return; // over meanwhile, or its clock has jumped
    const waited = parkedAt - order.accepted.at;
    if (waited < deadlineMs && sim.now() - at < deadlineMs)
      sim.violate(`${process.name} gives up waiting for ${orderId} after ${waited} ms`);
  };
  return {
    begin: (assignments) => {
      for (const { partition } of assignments) since.set(partition, { at: sim.now(), clockOffMs: process.clockOffMs });
    },
    watched: (appender) => ({
      append: (record) => {
        const { ce_type: type, ce_time: time } = record.headers;
        if (type === PARKED && isOverdue(String(record.value))) check(String(record.key), Date.parse(String(time)));
        return appender.append(record);
      },
    }),
  };
};
