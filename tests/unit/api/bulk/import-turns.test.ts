// An import and the other requests: however fast its client sends, and whatever, the event loop turns all the time.

import { expect, it } from 'vitest';
import { createImportLines } from '../../../../api/bulk/import-orders.ts';
import { createLogger } from '../../../../shared/runtime/logger.ts';

const CHUNK = 65_536;
const CHUNKS = 40;

/** Everything is there at once, as from a client that is faster than we are. */
async function* chunksOf(text: string): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += CHUNK) yield bytes.subarray(at, at + CHUNK);
}

it.each([
  ['one line that never ends', 'x'.repeat(CHUNKS * CHUNK)],
  ['lines as long as they may be', `${' '.repeat(CHUNK - 1)}\n`.repeat(CHUNKS)],
  ['lines that are full of keys', `${'{"a":1,'.repeat(Math.floor(CHUNK / 7))}\n`.repeat(CHUNKS)],
  ['lines of nothing', '\n'.repeat(50 * CHUNKS)],
])('one import of %s, and eight at once, do one piece in each turn', async (_what, text) => {
  const never = () => Promise.reject(new Error('none of these is an order'));
  const importLines = createImportLines({
    submitOrder: never,
    gate: { enter: never, leave: () => {} },
    logger: createLogger('api', 'silent'),
  });
  const imported = async (): Promise<void> => {
    for await (const _results of importLines(chunksOf(text), {} as never));
  };
  for (const atOnce of [1, 8]) {
    const turns = await turnsOf(() => Promise.all(Array.from({ length: atOnce }, imported)));
    expect(turns).toBeGreaterThanOrEqual(atOnce * (CHUNKS - 2));
  }
});

/** How often the event loop turned meanwhile. */
const turnsOf = async (work: () => Promise<unknown>): Promise<number> => {
  let turns = 0;
  let over = false;
  const turn = (): void => {
    turns += 1;
    if (!over) setImmediate(turn);
  };
  setImmediate(turn);
  await work();
  over = true;
  return turns;
};
