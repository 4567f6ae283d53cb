// The archive's framing of headers.
// What goes in comes out, and the bytes never change, because proofs are made over them.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packedSize, packHeaders, unpackHeaders } from '../../../../../shared/log/codec/raw-headers.ts';

const headers = fc.dictionary(
  fc.string({ unit: 'grapheme', minLength: 0, maxLength: 200 }).filter((name) => name !== '__proto__'),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  { noNullPrototype: true },
);

describe('packed headers', () => {
  it('are unpacked to the same names and bytes, in the same order', () => {
    fc.assert(
      fc.property(headers, (each) => {
        const packed = packHeaders(each);
        expect(packed.length).toBe(packedSize(each));
        const unpacked = unpackHeaders(packed);
        expect(Object.keys(unpacked)).toEqual(Object.keys(each));
        for (const name of Object.keys(each)) expect(unpacked[name]!.equals(each[name]!)).toBe(true);
      }),
    );
  });

  it('have the bytes that they had in every version', () => {
    const packed = packHeaders({ ce_id: Buffer.from('e-1'), grüße: Buffer.alloc(0), long: Buffer.alloc(300, 7) });
    expect(packed.subarray(0, 20).toString('hex')).toBe('0563655f696403652d31076772c3bcc39f650004');
    expect(packed.subarray(20, 26).toString('hex')).toBe('6c6f6e67ac02');
    expect(packed.length).toBe(326);
  });

  it('are refused when they are cut off', () => {
    const packed = packHeaders({ ce_id: Buffer.from('e-1') });
    for (let end = 1; end < packed.length; end += 1) {
      expect(() => unpackHeaders(packed.subarray(0, end))).toThrow('packed headers end');
    }
  });
});
