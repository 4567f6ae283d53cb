// shared/log/protocol/crc32c.ts: the checksum of a record batch (CRC-32C, Castagnoli, RFC 3720 appendix B.4).

const POLYNOMIAL = 0x82f63b78; // reversed 0x1EDC6F41

const SLICES = 4;

// Slicing by four: TABLES[n][b] is the checksum of byte b followed by n zero bytes, so four bytes are folded per step.
const TABLES: Int32Array[] = [];
for (let slice = 0; slice < SLICES; slice++) {
  const table = new Int32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = slice === 0 ? byte : TABLES[slice - 1]![byte]!;
    if (slice === 0) for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
    else crc = TABLES[0]![crc & 0xff]! ^ (crc >>> 8);
    table[byte] = crc;
  }
  TABLES.push(table);
}
const [T0, T1, T2, T3] = TABLES as [Int32Array, Int32Array, Int32Array, Int32Array];

/** The checksum of `buffer[start, end)` as an unsigned 32-bit number. */
export const crc32c = (buffer: Uint8Array, start: number, end: number): number => {
  let crc = -1;
  let at = start;
  for (const stop = end - 3; at < stop; at += 4) {
    crc ^= buffer[at]! | (buffer[at + 1]! << 8) | (buffer[at + 2]! << 16) | (buffer[at + 3]! << 24);
    crc = T3[crc & 0xff]! ^ T2[(crc >>> 8) & 0xff]! ^ T1[(crc >>> 16) & 0xff]! ^ T0[crc >>> 24]!;
  }
  for (; at < end; at++) crc = T0[(crc ^ buffer[at]!) & 0xff]! ^ (crc >>> 8);
  return (crc ^ -1) >>> 0;
};
