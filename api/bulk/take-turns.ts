// api/bulk/take-turns.ts: cuts the work of imports into pieces, of which one is done in each turn of the event loop, whoever's it is.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Line } from './split-lines.ts';

export interface Turns {
  /** The same bytes. No more is read of one body in a turn than a piece. */
  ofBytes: (chunks: AsyncIterable<Buffer>) => AsyncGenerator<Buffer>;
  /** The same lines. */
  ofLines: (lines: AsyncIterable<Line>) => AsyncGenerator<Line>;
}

// Checking as much takes a millisecond or less. Orders come to the first, long lines to the other, also those that are too long: what a fast
// client sends would otherwise be read two mebibytes at a time.
const LINES_PER_TURN = 50;
const BYTES_PER_TURN = 65_536;

/** For all imports of a process: eight of them delay other requests no more than one does. */
export const createTurns = (): Turns => {
  let last: Promise<void> = Promise.resolve();
  const turn = (): Promise<void> => {
    last = last.then(() => nextTurn());
    return last;
  };
  return {
    async *ofBytes(chunks) {
      let bytes = BYTES_PER_TURN;
      for await (const chunk of chunks) {
        if (bytes >= BYTES_PER_TURN) {
          await turn();
          bytes = 0;
        }
        bytes += chunk.length;
        yield chunk;
      }
    },
    async *ofLines(lines) {
      for await (const line of lines) {
        if (line.number % LINES_PER_TURN === 0) await turn();
        yield line;
      }
    },
  };
};
