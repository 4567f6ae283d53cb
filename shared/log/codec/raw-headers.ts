// shared/log/codec/raw-headers.ts: the headers of a record as one run of bytes, for the archive.
// Never change this format: a hash chain runs over the bytes, so the same headers must always give the same ones. Framing, per header in
// the order of the record: length of the name, name, length of the value, value. Lengths are unsigned LEB128 in as few bytes as they need;
// a header without a value has the length 0 in two bytes (80 00) instead.

import type { ExactHeader, LogRecord } from '../log.ts';
import { headersFrom } from '../protocol/exact-headers.ts';

/** As an object or, where that does not say it, byte for byte. */
export type Headers = LogRecord['headers'] | readonly ExactHeader[];

const NO_VALUE = Buffer.of(0x80, 0x00);

/** Bytes that `packHeaders` will write. */
export const packedSize = (headers: Headers): number => {
  let size = 0;
  if (isList(headers)) {
    for (const [name, value] of headers) size += framedSize(name.length) + (value === null ? NO_VALUE.length : framedSize(value.length));
    return size;
  }
  for (const name in headers) size += nameFrame(name).length + framedSize(headers[name]!.length);
  return size;
};

/** Writes the frames into `target` from `at` on, and returns where they end. The target must have `packedSize` bytes left. */
export const packHeadersInto = (target: Buffer, at: number, headers: Headers): number => {
  let end = at;
  if (isList(headers)) {
    for (const [name, value] of headers) {
      end = writeFrame(target, end, name);
      end = value === null ? copyInto(target, end, NO_VALUE) : writeFrame(target, end, value);
    }
    return end;
  }
  for (const name in headers) {
    end = copyInto(target, end, nameFrame(name));
    end = writeFrame(target, end, headers[name]!);
  }
  return end;
};

export const packHeaders = (headers: Headers): Buffer => {
  const packed = Buffer.allocUnsafe(packedSize(headers));
  packHeadersInto(packed, 0, headers);
  return packed;
};

/** Inverse of `packHeaders`. Throws a plain Error for bytes that it did not write. */
export const unpackHeaders = (packed: Buffer): Pick<LogRecord, 'headers' | 'exactHeaders'> => {
  const list: ExactHeader[] = [];
  let at = 0;
  const take = (): Buffer => {
    let length = 0;
    let scale = 1;
    for (;;) {
      const byte = packed[at];
      if (byte === undefined) throw new Error('the packed headers end inside a length');
      at += 1;
      length += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
      scale *= 0x80;
    }
    if (at + length > packed.length) throw new Error('the packed headers end inside a frame');
    at += length;
    return packed.subarray(at - length, at);
  };
  while (at < packed.length) {
    const name = take();
    const hasNoValue = packed[at] === NO_VALUE[0] && packed[at + 1] === NO_VALUE[1];
    list.push([name, hasNoValue ? null : take()]);
    if (hasNoValue) at += NO_VALUE.length;
  }
  return headersFrom(list);
};

// Not Array.isArray alone: it does not narrow a readonly array.
const isList = (headers: Headers): headers is readonly ExactHeader[] => Array.isArray(headers);

// Our records have at most 13 names; foreign ones may have any, and are not worth remembering.
const NAMES_REMEMBERED_MAX = 64;
const nameFrames = new Map<string, Buffer>();

const nameFrame = (name: string): Buffer => {
  const remembered = nameFrames.get(name);
  if (remembered !== undefined) return remembered;
  const bytes = Buffer.from(name);
  const frame = Buffer.allocUnsafe(framedSize(bytes.length));
  writeFrame(frame, 0, bytes);
  if (nameFrames.size < NAMES_REMEMBERED_MAX) nameFrames.set(name, frame);
  return frame;
};

const framedSize = (length: number): number => lengthSize(length) + length;

const writeFrame = (target: Buffer, at: number, bytes: Buffer): number => copyInto(target, writeLength(target, at, bytes.length), bytes);

// A call into native code costs more than copying this many bytes here; nearly all headers are shorter.
const COPIED_HERE_MAX = 64;

const copyInto = (target: Buffer, at: number, source: Buffer): number => {
  const { length } = source;
  if (length > COPIED_HERE_MAX) target.set(source, at);
  else for (let i = 0; i < length; i += 1) target[at + i] = source[i]!;
  return at + length;
};

const lengthSize = (length: number): number => {
  let size = 1;
  for (let rest = length; rest >= 0x80; rest = Math.floor(rest / 0x80)) size += 1;
  return size;
};

const writeLength = (target: Buffer, at: number, length: number): number => {
  let end = at;
  let rest = length;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) {
    target[end] = (rest & 0x7f) | 0x80;
    end += 1;
  }
  target[end] = rest;
  return end + 1;
};
