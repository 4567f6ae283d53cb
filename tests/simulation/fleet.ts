// tests/simulation/fleet.ts: the processes of a world and what supervises them: who dies is started again, as another process.

import { AppError, type AppErrorCode } from '../../shared/runtime/app-error.ts';
import type { Process } from './kernel/process.ts';
import type { World } from './world.ts';

/** Composes one role in a process. `onFatal` ends the process. */
export type StartRole<Running> = (world: World, process: Process, onFatal: (error: unknown) => void) => Running;

export interface Slot<Running> {
  readonly name: string;
  process: Process;
  /** Null until the process has taken its first step. */
  running: Running | null;
}

export interface Fleet {
  add: <Running>(name: string, start: StartRole<Running>) => Slot<Running>;
  slots: readonly Slot<unknown>[];
  crash: (slot: Slot<unknown>) => void;
  /** As SIGTERM does: what it has to append is settled, callers hear of it, and it ends. */
  end: (slot: Slot<unknown>) => void;
  /** As SIGSTOP does; past the session time-out the groups take it for dead. */
  stop: (slot: Slot<unknown>, forMs: number) => void;
  /** Those that found another log than they had read: a person has to come before they are started again. */
  stranded: () => readonly Slot<unknown>[];
  /** All processes end, and none is started before `startAll`. */
  endAll: () => void;
  startAll: () => void;
}

// Ends that are right: somebody else owns what this process believed to own.
const RIGHT_ENDS: ReadonlySet<AppErrorCode> = new Set(['LEDGER_FENCED', 'LEDGER_WENT_BACK']);
// Right ends while the log has lost records. No supervisor starts these again.
const OTHER_LOG: ReadonlySet<AppErrorCode> = new Set(['LOG_MISMATCH', 'LOSS_NOT_ACCEPTED']);
const SESSION_MS = 1_500;
const LAST_WORDS_MS = 20;
const RESTART_MS = [20, 1_500] as const;

export const createFleet = (world: World): Fleet => {
  const { sim } = world;
  const slots: Slot<unknown>[] = [];
  let stranded: Slot<unknown>[] = [];
  /** Another number whenever all processes have ended: what was to be started before then is not. */
  let era = 0;
  const expel = (process: Process): void => {
    for (const group of Object.values(world.groups)) group.expel(process);
  };

  const end = ({ process }: Slot<unknown>): void => {
    process.alive = false;
    sim.after(sim.chance(0.5) ? sim.between(1, 50) : sim.between(300, SESSION_MS), () => expel(process), null);
  };
  const restart = (slot: Slot<unknown>, start: StartRole<unknown>): void => {
    end(slot);
    const mine = era;
    const [min, max] = RESTART_MS;
    sim.after(sim.between(min, max), () => mine === era && launch(slot, start), null);
  };
  const launch = (slot: Slot<unknown>, start: StartRole<unknown>): void => {
    const process = sim.newProcess(slot.name);
    process.clockOffMs = sim.chance(0.7) ? sim.between(-40, 40) : sim.between(-3_600_000, 3_600_000);
    slot.process = process;
    slot.running = null;
    const onFatal = (error: unknown): void => {
      if (!process.alive) return;
      sim.trace(() => `${process.name} ends itself: ${error instanceof Error ? error.message : String(error)}`);
      if (world.isLogOther && error instanceof AppError && OTHER_LOG.has(error.code)) {
        stranded.push(slot);
        end(slot);
        return;
      }
      if (!(error instanceof AppError && RIGHT_ENDS.has(error.code)))
        sim.violate(`${process.name} ends itself: ${error instanceof Error ? error.stack : String(error)}`);
      restart(slot, start);
    };
    // In a step of the process itself, so that its timers are its own.
    sim.after(
      0,
      () => {
        sim.trace(() => 'starts');
        slot.running = start(world, process, onFatal);
      },
      process,
    );
  };

  const starts = new Map<Slot<unknown>, StartRole<unknown>>();
  return {
    add: <Running>(name: string, start: StartRole<Running>) => {
      const slot: Slot<Running> = { name, process: sim.newProcess(name), running: null };
      slots.push(slot);
      starts.set(slot, start);
      launch(slot, start);
      return slot;
    },
    slots,
    crash: (slot) => {
      if (!slot.process.alive) return;
      sim.trace(() => `${slot.name} is killed`);
      restart(slot, starts.get(slot)!);
    },
    end: (slot) => {
      const { process } = slot;
      if (!process.alive) return;
      const settled = async (): Promise<void> => {
        sim.trace(() => 'is told to end');
        await world.stopAppends(process);
        sim.after(LAST_WORDS_MS, () => restart(slot, starts.get(slot)!), process);
      };
      sim.after(0, () => void settled(), process);
    },
    stop: (slot, forMs) => {
      const { process } = slot;
      if (!process.alive) return;
      sim.trace(() => `${slot.name} stands still for ${forMs} ms`);
      process.resumesAt = Math.max(process.resumesAt, sim.now() + forMs);
      if (forMs > SESSION_MS) sim.after(SESSION_MS, () => process.alive && expel(process), null);
    },
    stranded: () => stranded,
    endAll: () => {
      era += 1;
      for (const slot of slots) if (slot.process.alive) end(slot);
    },
    startAll: () => {
      stranded = [];
      for (const slot of slots) launch(slot, starts.get(slot)!);
    },
  };
};
