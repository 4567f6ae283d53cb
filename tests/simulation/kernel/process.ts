// tests/simulation/kernel/process.ts: one life of a process, whose steps a simulation takes.

/** One life of a process. Its steps are what runs in it: timers, answers of the network. */
export interface Process {
  readonly name: string;
  /** False after a crash: its steps are never taken. */
  alive: boolean;
  /** Stopped (SIGSTOP, a long pause) until then: its steps wait. */
  resumesAt: number;
  /** How far its wall clock is off (R10). */
  clockOffMs: number;
}
