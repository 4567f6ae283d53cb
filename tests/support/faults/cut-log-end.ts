// tests/support/faults/cut-log-end.ts: takes the last records of a partition away from a broker that is not running, as a power cut can.

import { readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';

const FIRST_SEGMENT = '00000000000000000000.log';
// https://kafka.apache.org/documentation/#recordbatch: base offset, length, then, at 23, the last record's distance from the base.
const LENGTH_AT = 8;
const LAST_DELTA_AT = 23;
const HEAD_BYTES = 12;

/**
 * Cuts the partition behind the last batch that ends at or below `offset`, and returns where it ends now. For logs of one segment, whose
 * broker was killed: it checks what it finds then, and takes it for all there is.
 */
export const cutLogEnd = (partitionFolder: string, offset: number): number => {
  const file = join(partitionFolder, FIRST_SEGMENT);
  const bytes = readFileSync(file);
  let [at, end] = [0, 0];
  while (at + LAST_DELTA_AT + 4 <= bytes.length) {
    const length = bytes.readInt32BE(at + LENGTH_AT);
    const next = Number(bytes.readBigInt64BE(at)) + bytes.readInt32BE(at + LAST_DELTA_AT) + 1;
    if (length === 0 || next > offset) break;
    at += HEAD_BYTES + length;
    end = next;
  }
  truncateSync(file, at);
  return end;
};
