// projector/restore/digest-set.ts: which records a stretch of the log holds, by 16 bytes each, so that it may be millions.

import { hash } from 'node:crypto';
import type { ArchiveRow } from '../../shared/postgres/tables/archive-rows.ts';
import { AppError } from '../../shared/runtime/app-error.ts';

/** What a record is, wherever it stands. */
export type RecordBytes = Pick<ArchiveRow, 'key' | 'headers' | 'value'>;

export const sameRecord = (a: RecordBytes, b: RecordBytes): boolean =>
  sameBytes(a.key, b.key) && sameBytes(a.value, b.value) && a.headers.equals(b.headers);

const sameBytes = (a: Buffer | null, b: Buffer | null): boolean => (a === null || b === null ? a === b : a.equals(b));

export interface DigestSet {
  /** Throws RESTORE_TOO_LARGE when it is full. */
  add(record: RecordBytes): void;
  has(record: RecordBytes): boolean;
}

/** Of one partition: 134 MB at most. Three partitions are restored at a time. */
export const DIGESTS_MAX = 6_000_000;
const SLOTS_FIRST = 1_024;
const FILLED_MAX = 0.75; // of the slots: a search then meets a few others, not many
const WORDS = 4; // 16 bytes of SHA-256: two records of 10^15 are taken for one with a probability below 10^-8

/** Two records are one if their keys, headers and values are the same bytes. */
export const createDigestSet = (max = DIGESTS_MAX): DigestSet => {
  let slots = new Uint32Array(SLOTS_FIRST * WORDS);
  let size = 0;

  /** Where these words are, or would go. A digest of zeros does not occur; an empty slot is one. */
  const find = (among: Uint32Array, words: Uint32Array): number => {
    const count = among.length / WORDS;
    for (let slot = words[0]! % count; ; slot = (slot + 1) % count) {
      const at = slot * WORDS;
      if (isEmpty(among, at) || words.every((word, index) => among[at + index] === word)) return at;
    }
  };
  const grow = (): void => {
    const larger = new Uint32Array(slots.length * 2);
    for (let at = 0; at < slots.length; at += WORDS) {
      if (isEmpty(slots, at)) continue;
      const words = slots.subarray(at, at + WORDS);
      larger.set(words, find(larger, words));
    }
    slots = larger;
  };

  return {
    add: (record) => {
      const words = digestOf(record);
      const at = find(slots, words);
      if (!isEmpty(slots, at)) return;
      if (size === max) throw new AppError('RESTORE_TOO_LARGE', `The log has gone on for more than ${max} records of one partition.`);
      slots.set(words, at);
      size += 1;
      if (size > (slots.length / WORDS) * FILLED_MAX) grow();
    },
    has: (record) => !isEmpty(slots, find(slots, digestOf(record))),
  };
};

const isEmpty = (slots: Uint32Array, at: number): boolean =>
  slots[at] === 0 && slots[at + 1] === 0 && slots[at + 2] === 0 && slots[at + 3] === 0;

const NO_BYTES = 0xffffffff; // a length that no part of a record has

/** With the lengths before the parts: else two records could give the same run of bytes. */
const digestOf = ({ key, headers, value }: RecordBytes): Uint32Array => {
  const parts = [key, headers, value];
  const lengths = Buffer.allocUnsafe(4 * parts.length);
  for (const [index, part] of parts.entries()) lengths.writeUInt32BE(part?.length ?? NO_BYTES, 4 * index);
  const digest = hash('sha256', Buffer.concat([lengths, ...parts.filter((part) => part !== null)]), 'buffer');
  return Uint32Array.from({ length: WORDS }, (_, index) => digest.readUInt32LE(4 * index));
};
