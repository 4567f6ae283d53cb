import { describe, expect, it } from 'vitest';
import { ORDER_VOCABULARY } from '../../../../../shared/log/codec/order-codec.ts';
import { PRODUCT_VOCABULARY } from '../../../../../shared/log/codec/product-codec.ts';
import { currentWireType, isFutureType, type Vocabulary, wireTypesOf } from '../../../../../shared/log/codec/wire-types.ts';

const VOCABULARIES: readonly Vocabulary<string>[] = [ORDER_VOCABULARY, PRODUCT_VOCABULARY];

/** A stream with a type that has changed twice. */
const LAMPS: Omit<Vocabulary<'Lit' | 'Broken'>, 'schemas'> = {
  stream: 'lamps',
  types: { Lit: { kind: 'fact', version: 3 }, Broken: { kind: 'fact', version: 1 } },
  upcasters: {
    'Lit.v1': ({ watts }) => ({ milliwatts: Number(watts) * 1_000 }),
    'Lit.v2': (data) => ({ ...data, colour: 'white' }),
  },
};

describe.each(VOCABULARIES)('the types of $stream on the wire', (vocabulary) => {
  const wireTypes = wireTypesOf(vocabulary);

  it('have a schema each, and no schema is left of one that is gone', () => {
    expect(Object.keys(vocabulary.schemas).sort()).toEqual([...wireTypes.values()].map(({ schema }) => schema).sort());
  });

  it('have an upcaster from every version before the current one, and no other', () => {
    const older = Object.entries(vocabulary.types).flatMap(([name, { version }]) =>
      Array.from({ length: version - 1 }, (_, index) => `${name}.v${index + 1}`),
    );
    expect(Object.keys(vocabulary.upcasters).sort()).toEqual(older.sort());
  });
});

describe('a type on the wire', () => {
  it('is written as its current version', () => {
    expect(currentWireType(LAMPS, 'Lit')).toBe('lamps.Lit.v3');
    expect(currentWireType(LAMPS, 'Broken')).toBe('lamps.Broken.v1');
  });

  it('is upcast from any version step by step', () => {
    const wireTypes = wireTypesOf(LAMPS);
    expect([...wireTypes.keys()]).toEqual(['lamps.Lit.v1', 'lamps.Lit.v2', 'lamps.Lit.v3', 'lamps.Broken.v1']);
    const current = { milliwatts: 9_000, colour: 'white' };
    expect(wireTypes.get('lamps.Lit.v1')?.upcast({ watts: 9 })).toEqual(current);
    expect(wireTypes.get('lamps.Lit.v2')?.upcast({ milliwatts: 9_000 })).toEqual(current);
    expect(wireTypes.get('lamps.Lit.v3')?.upcast(current)).toBe(current);
  });

  it('is told from one of newer code and from what is not ours', () => {
    const isFuture = (ceType: string) => isFutureType('orders', wireTypesOf(ORDER_VOCABULARY), ceType);
    expect(isFuture('orders.OrderCreated.v2')).toBe(true);
    expect(isFuture('orders.OrderShipped.v1')).toBe(true);
    expect(isFuture('orders.OrderCreated.v1')).toBe(false);
    expect(isFuture('products.ProductCreated.v2')).toBe(false);
    expect(isFuture('invoice.Created.v1')).toBe(false);
    expect(isFuture('OrderCreated')).toBe(false);
  });
});
