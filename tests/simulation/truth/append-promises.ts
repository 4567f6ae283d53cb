// tests/simulation/truth/append-promises.ts: what the appender tells its callers, held to the log: what was confirmed is where it says, in the
// order of the calls, what is "certainly not in the log" (see `Appender` in shared/log/log.ts) is not there and never will be, and an appender
// that stops answers all, in a second.

import type { RunningAppender } from '../../../shared/log/append/appender.ts';
import type { LogRecord, Position, RecordToAppend } from '../../../shared/log/log.ts';
import { AppError } from '../../../shared/runtime/app-error.ts';
import type { Process } from '../kernel/process.ts';
import type { Simulation } from '../kernel/simulation.ts';

export interface AppendPromises {
  /** A record has become readable. */
  take: (record: LogRecord) => void;
  /** The same appender, watched. */
  watched: (appender: RunningAppender, process: Process) => RunningAppender;
}

const DENIALS = new Set(['LOG_UNAVAILABLE', 'LOG_OVERLOADED', 'RECORD_TOO_LARGE']);
const STOP_MAX_MS = 1_100;

interface Confirmed {
  call: number;
  offset: number;
}

export const createAppendPromises = (sim: Simulation): AppendPromises => {
  /** Where each event is: its id by place. */
  const idAt = new Map<string, string>();
  const readable = new Set<string>();
  /** By event: calls that were made, and of those the ones that were told that nothing is in the log. Other calls may have put it there. */
  const calls = new Map<string, { made: number; denied: number }>();
  let lastCall = 0;

  const look = (id: string): void => {
    const known = calls.get(id);
    if (known !== undefined && known.made === known.denied && readable.has(id))
      sim.violate(`the event ${id} is in the log, and whoever appended it was told that it is not`);
  };

  const watched = (appender: RunningAppender, process: Process): RunningAppender => {
    /** By partition, in the order of the calls, which is that of the offsets. */
    const confirmed = new Map<string, Confirmed[]>();
    let open = 0;

    const hold = (id: string, call: number, position: Position): void => {
      const { topic, partition, offset } = position;
      if (idAt.get(placeOf(position)) !== id) sim.violate(`the event ${id} was confirmed at ${placeOf(position)}, which is another's`);
      const others = confirmed.get(`${topic}/${partition}`) ?? [];
      confirmed.set(`${topic}/${partition}`, others);
      // Nearly always the last.
      const after = others.findLastIndex((other) => other.call < call) + 1;
      if ((others[after - 1]?.offset ?? -1) >= offset || (others[after]?.offset ?? Number.POSITIVE_INFINITY) <= offset)
        sim.violate(`the event ${id} was confirmed at ${placeOf(position)}, out of the order of the appends`);
      others.splice(after, 0, { call, offset });
    };
    const append = async (record: RecordToAppend): Promise<Position> => {
      const { ce_id } = record.headers;
      if (ce_id === undefined) return appender.append(record); // a dead letter
      const id = String(ce_id);
      const known = calls.get(id) ?? { made: 0, denied: 0 };
      calls.set(id, known);
      known.made += 1;
      lastCall += 1;
      open += 1;
      const call = lastCall;
      try {
        const position = await appender.append(record);
        hold(id, call, position);
        return position;
      } catch (error) {
        if (error instanceof AppError && DENIALS.has(error.code)) {
          known.denied += 1;
          look(id);
        }
        throw error;
      } finally {
        open -= 1;
      }
    };
    const stop = async (): Promise<void> => {
      const began = sim.now();
      let stopped = false;
      const look = (): void => {
        if (!stopped && process.resumesAt < began) sim.violate(`${process.name} has not stopped appending after ${STOP_MAX_MS} ms`);
      };
      sim.after(STOP_MAX_MS, look, process);
      await appender.stop();
      stopped = true;
      sim.after(0, () => open > 0 && sim.violate(`${process.name} appends no more, and ${open} callers have heard nothing`), process);
    };
    return { ...appender, append, stop };
  };

  return {
    take: (record) => {
      const id = String(record.headers.ce_id);
      idAt.set(placeOf(record), id);
      readable.add(id);
      look(id);
    },
    watched,
  };
};

const placeOf = ({ topic, partition, offset }: Position): string => `${topic}/${partition}@${offset}`;
