// api/bulk/split-lines.ts: splits a stream of bytes into lines of bounded length, however the bytes are cut into chunks.
// (split2 silently drops a line that is too long; here it is returned as a line, and the next ones follow.)

export interface Line {
  /** From 1, blank lines counted. */
  number: number;
  /** Null for a line that was longer than allowed. */
  bytes: Buffer | null;
}

const NEWLINE = 0x0a;

/** All lines, the last with or without a newline at its end. Holds at most `maxBytes` and a chunk. Rejects as the stream does. */
export async function* linesOf(chunks: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Line> {
  let number = 0;
  let parts: Buffer[] = [];
  let length = 0;
  const add = (part: Buffer): void => {
    length += part.length;
    if (length > maxBytes) parts = [];
    else if (part.length > 0) parts.push(part);
  };
  const take = (): Line => {
    const bytes = length > maxBytes ? null : parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    number += 1;
    [parts, length] = [[], 0];
    return { number, bytes };
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
      add(chunk.subarray(from, at));
      from = at + 1;
      yield take();
    }
    add(chunk.subarray(from));
  }
  if (length > 0) yield take();
}
