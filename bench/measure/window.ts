// bench/measure/window.ts: a stretch of time with what was used in it.
// CPU per process, and what the rest of the machine took away. The second says whether the measurement can be believed.

import { CORES, familyCpu, idleSeconds, processCpu } from './process-usage.ts';
import { sum } from './statistics.ts';

/** By name. `postgres` is measured with its children. */
export type ProcessIds = Readonly<Record<string, number>>;

export interface Usage {
  seconds: number;
  /** CPU seconds by name. */
  cpu: Readonly<Record<string, number>>;
  /** CPU seconds of what measures. */
  cpuOfObservers: number;
  /** Cores that were busy on average with what is not ours. */
  foreignCores: number;
}

export interface WindowOptions {
  /** What is measured; asked at both ends. */
  processes: () => ProcessIds;
  /** Processes that measure. They are ours too, but nobody's cost. */
  observers: readonly number[];
  /** Those of PostgreSQL's children that work for the observers; they must live until the window is closed. */
  backends: readonly number[];
}

/** `close` says what was used since. It throws when a process has been replaced meanwhile: the measurement is void then. */
export const openWindow = ({ processes, observers, backends }: WindowOptions): { close: () => Usage } => {
  const pids = processes();
  const names = Object.keys(pids);
  const read = () => ({
    at: performance.now() / 1000,
    idle: idleSeconds(),
    cpu: names.map((name) => (name === 'postgres' ? familyCpu(pids[name]!, backends) : processCpu(pids[name]!))),
    observers: sum([...observers, ...backends].map(processCpu)),
  });
  const start = read();
  return {
    close: () => {
      const now = processes();
      const replaced = names.find((name) => now[name] !== pids[name]);
      if (replaced) throw new Error(`${replaced} was restarted during the measurement`);
      const end = read();
      const seconds = end.at - start.at;
      const cpu = end.cpu.map((used, index) => used - start.cpu[index]!);
      const busy = CORES * seconds - (end.idle - start.idle);
      const cpuOfObservers = end.observers - start.observers;
      return {
        seconds,
        cpu: Object.fromEntries(names.map((name, index) => [name, cpu[index]!])),
        cpuOfObservers,
        foreignCores: Math.max(0, busy - sum(cpu) - cpuOfObservers) / seconds,
      };
    },
  };
};
