// shared/log/protocol/wire.ts: reads and writes the primitive types of Kafka's protocol (https://kafka.apache.org/protocol).

/** Reads forward through one response. Throws a RangeError when the response ends too early. */
export interface WireReader {
  int16(): number;
  int32(): number;
  /** As a number: offsets and times fit a double. */
  int64(): number;
  /** A string with an int16 length; null is returned as the empty string. */
  string(): string;
  /** A view of the next `length` bytes. */
  bytes(length: number): Buffer;
  uvarint(): number;
  skip(bytes: number): void;
}

export const createWireReader = (buffer: Buffer): WireReader => {
  let at = 0;
  const advance = (bytes: number): number => {
    const from = at;
    at += bytes;
    if (at > buffer.length) throw new RangeError('The response of the broker ends too early.');
    return from;
  };
  const bytes = (length: number) => buffer.subarray(advance(Math.max(length, 0)), at);
  const int16 = () => buffer.readInt16BE(advance(2));
  return {
    int16,
    int32: () => buffer.readInt32BE(advance(4)),
    int64: () => Number(buffer.readBigInt64BE(advance(8))),
    string: () => bytes(int16()).toString('utf8'),
    bytes,
    uvarint: () => {
      let result = 0;
      for (let factor = 1; ; factor *= 128) {
        const byte = buffer[advance(1)]!;
        result += (byte & 0x7f) * factor;
        if (byte < 0x80) return result;
      }
    },
    skip: (count) => void advance(count),
  };
};

export const int8 = (value: number): Buffer => Buffer.of(value & 0xff);

export const int16 = (value: number): Buffer => {
  const buffer = Buffer.allocUnsafe(2);
  buffer.writeInt16BE(value);
  return buffer;
};

export const int32 = (value: number): Buffer => {
  const buffer = Buffer.allocUnsafe(4);
  buffer.writeInt32BE(value);
  return buffer;
};

export const int64 = (value: number): Buffer => {
  const buffer = Buffer.allocUnsafe(8);
  buffer.writeBigInt64BE(BigInt(value));
  return buffer;
};

/** With an int16 length. */
export const string = (text: string): Buffer => {
  const bytes = Buffer.from(text);
  return Buffer.concat([int16(bytes.length), bytes]);
};
