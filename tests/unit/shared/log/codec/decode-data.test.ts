import { describe, expect, it } from 'vitest';
import { createDecoder } from '../../../../../shared/log/codec/decode-data.ts';

/** Lamps were lit before they had a colour, a room and parts with a maker. */
const decode = createDecoder({
  stream: 'lamps',
  types: { Lit: { kind: 'request', version: 2 } },
  schemas: {
    'Lit.v1': {
      type: 'object',
      required: ['watts'],
      properties: {
        watts: { type: 'number' },
        colour: { type: 'string', default: 'white' },
        room: { type: 'string', default: undefined },
        parts: {
          type: 'array',
          items: { type: 'object', properties: { maker: { type: ['string', 'null'], default: null } } },
          default: [],
        },
      },
    },
    'Lit.v2': { type: 'object', required: ['milliwatts'], properties: { milliwatts: { type: 'number' } } },
  },
  upcasters: { 'Lit.v1': ({ watts, ...others }) => ({ ...others, milliwatts: Number(watts) * 1_000 }) },
});

const lit = (version: number, data: object) => {
  const headers = {
    ce_specversion: '1.0',
    ce_id: 'e',
    ce_type: `lamps.Lit.v${version}`,
    ce_subject: 'l',
    ce_time: '2026-01-01T00:00:00.000Z',
  };
  return decode({
    topic: 'lamps',
    partition: 0,
    offset: 0,
    timestamp: 0,
    key: Buffer.from('l'),
    value: Buffer.from(JSON.stringify(data)),
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Buffer.from(value)])),
  });
};

describe('a record without an optional property', () => {
  it('is decoded to the default that the schema states, and then upcast', () => {
    expect(lit(1, { watts: 9 })).toMatchObject({ ok: true, data: { milliwatts: 9_000, colour: 'white', parts: [] } });
    expect(lit(1, { watts: 9, parts: [{}, { maker: 'Ada' }] })).toMatchObject({ data: { parts: [{ maker: null }, { maker: 'Ada' }] } });
  });

  it('keeps what it has', () => {
    expect(lit(1, { watts: 9, colour: 'red', room: 'hall' })).toMatchObject({ data: { milliwatts: 9_000, colour: 'red', room: 'hall' } });
  });

  it('leaves absent what has no default', () => {
    const decoded = lit(1, { watts: 9 });
    expect(decoded.ok && Object.keys(decoded.data).sort()).toEqual(['colour', 'milliwatts', 'parts']);
  });

  it('shares its defaults with no other', () => {
    const first = lit(1, { watts: 9 });
    if (first.ok) (first.data.parts as unknown[]).push('bulb');
    expect(lit(1, { watts: 9 })).toMatchObject({ data: { parts: [] } });
  });
});

it('refuses a record without a required property, or with an optional one of another type', () => {
  expect(lit(1, { colour: 'red' })).toMatchObject({ ok: false, reason: 'SCHEMA_MISMATCH' });
  expect(lit(1, { watts: 9, colour: 5 })).toMatchObject({ ok: false, reason: 'SCHEMA_MISMATCH' });
});
