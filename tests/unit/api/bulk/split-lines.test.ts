// Lines of a stream: the same whatever the chunks, bounded whatever the lines.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { linesOf } from '../../../../api/bulk/split-lines.ts';

const MAX = 8;

const read = async (chunks: readonly Buffer[], max = MAX): Promise<{ number: number; text: string | null }[]> => {
  const lines = [];
  for await (const { number, bytes } of linesOf(
    (async function* () {
      yield* chunks;
    })(),
    max,
  )) {
    lines.push({ number, text: bytes?.toString() ?? null });
  }
  return lines;
};

describe('lines', () => {
  it('are what stands between newlines, whatever the chunks are', async () => {
    const text = fc.array(fc.constantFrom('a', 'é', '\n', '\r', '€€', 'long enough to be too long'), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(text, fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }), async (pieces, sizes) => {
        const bytes = Buffer.from(pieces.join(''));
        const chunks: Buffer[] = [];
        for (let at = 0, n = 0; at < bytes.length; n += 1) {
          const size = sizes[n % sizes.length]!;
          chunks.push(bytes.subarray(at, at + size));
          at += size;
        }
        const whole = bytes.toString().split('\n');
        if (whole.at(-1) === '') whole.pop();
        const expected = whole.map((line, index) => ({ number: index + 1, text: Buffer.byteLength(line) > MAX ? null : line }));
        expect(await read(chunks)).toEqual(expected);
      }),
    );
  });

  it('may be as long as allowed and not a byte longer; the next line is not affected', async () => {
    const lines = await read([Buffer.from('12345678\n123456789\nnext')]);
    expect(lines.map(({ text }) => text)).toEqual(['12345678', null, 'next']);
  });

  it('that are too long are not kept while they come in', async () => {
    const chunk = Buffer.alloc(1_000_000, 'x');
    let held = 0;
    const chunks = (async function* () {
      for (let n = 0; n < 300; n += 1) {
        yield Buffer.from(chunk);
        if (n % 50 === 0) held = Math.max(held, process.memoryUsage().arrayBuffers);
      }
    })();
    const before = process.memoryUsage().arrayBuffers;
    const lines = [];
    for await (const line of linesOf(chunks, 1_048_576)) lines.push(line);
    expect(lines).toEqual([{ number: 1, bytes: null }]);
    expect(held - before).toBeLessThan(200_000_000);
  });
});
