// Texts as instants: what is accepted is understood, everything else is refused.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { instantOf } from '../../../../shared/runtime/instant.ts';

it('understands every instant with milliseconds as JavaScript writes it, and with any offset', () => {
  const epochMs = fc.integer({ min: Date.UTC(0, 0, 1), max: Date.UTC(9999, 10, 30) });
  const offset = fc.tuple(fc.constantFrom(1, -1), fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }));
  fc.assert(
    fc.property(epochMs, offset, (at, [sign, hours, minutes]) => {
      expect(instantOf(new Date(at).toISOString())).toBe(at);
      const local = new Date(at + sign * (hours * 60 + minutes) * 60_000);
      if (!/^\d{4}-/.test(local.toISOString())) return;
      const two = (each: number) => String(each).padStart(2, '0');
      const written = `${local.toISOString().slice(0, -1)}${sign === 1 ? '+' : '-'}${two(hours)}:${two(minutes)}`;
      expect(instantOf(written)).toBe(at);
    }),
  );
});

it.each([
  ['2026-11-21T10:00:00Z', '2026-11-21T10:00:00.000Z'],
  ['2026-11-21t10:00:00.5z', '2026-11-21T10:00:00.500Z'],
  ['2026-11-21T10:00:00.123456789+02:00', '2026-11-21T08:00:00.123Z'],
  ['2026-12-31T23:30:00-01:00', '2027-01-01T00:30:00.000Z'],
  ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
  ['0026-01-01T00:00:00Z', '0026-01-01T00:00:00.000Z'],
])('understands %s', (text, instant) => {
  expect(new Date(instantOf(text)!).toISOString()).toBe(instant);
});

it.each([
  ...['', 'yesterday', '2026-11-21', '2026-11-21T10:00Z', '2026-11-21T10:00:00', '2026-11-21 10:00:00Z'],
  ...['2026-11-21T10:00:00+02', '2026-11-21T10:00:00 02:00', '2026-11-21T10:00:00+0200', '2026-11-21T10:00:00+24:00'],
  ...['2026-11-21T23:59:60Z', '2026-11-21T24:00:00Z', '2026-11-21T10:60:00Z', '2026-02-30T10:00:00Z', '2026-13-01T10:00:00Z'],
  ...['2026-00-10T10:00:00Z', '+002026-11-21T10:00:00Z', '-0001-11-21T10:00:00Z', '2026-11-21T10:00:00.Z', '1763719200000'],
])('refuses %j', (text) => {
  expect(instantOf(text)).toBeNull();
});
