// The archive's framing of headers.
// What goes in comes out, and the bytes never change, because proofs are made over them.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packedSize, packHeaders, unpackHeaders } from '../../../../../shared/log/codec/raw-headers.ts';
import { exactHeadersOf, headersFrom } from '../../../../../shared/log/protocol/exact-headers.ts';

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
        const unpacked = unpackHeaders(packed).headers;
        expect(Object.keys(unpacked)).toEqual(Object.keys(each));
        for (const name of Object.keys(each)) expect(unpacked[name]!.equals(each[name]!)).toBe(true);
      }),
    );
  });

  it('are unpacked to the same list, byte for byte, also where names are repeated, are no text, or have no value', () => {
    const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((some) => Buffer.from(some));
    const name = fc.oneof(bytes(3), fc.constantFrom('ce_id', '7', '__proto__').map(Buffer.from));
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.option(bytes(300)))), (list) => {
        const packed = packHeaders(list);
        expect(packed.length).toBe(packedSize(list));
        expect(exactHeadersOf(unpackHeaders(packed))).toEqual(list);
        const { headers: object, exactHeaders } = headersFrom(list);
        expect(packHeaders(exactHeaders ?? object)).toEqual(packed);
      }),
    );
  });

  it('have a length of two bytes for no value, which nothing else has', () => {
    expect(packHeaders([[Buffer.from('a'), null]]).toString('hex')).toBe('01618000');
    expect(packHeaders([[Buffer.from('a'), Buffer.alloc(0)]]).toString('hex')).toBe('016100');
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
