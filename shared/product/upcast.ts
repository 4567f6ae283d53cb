// shared/product/upcast.ts: from the type on the wire to the current product event. An old version is turned into the current
// one here and nowhere else; a record's meaning never changes, so an entry is only ever added. Pure.

import type { ProductEventName } from './events.ts';

type Data = Record<string, unknown>;

export interface ProductWireType {
  name: ProductEventName;
  /** Name of the schema that the data must match as it stands on the wire, before upcasting. */
  schema: string;
  upcast: (data: Data) => Data;
}

const current = (data: Data): Data => data;

const v1 = (name: ProductEventName): [string, ProductWireType] => [`products.${name}.v1`, { name, schema: `${name}.v1`, upcast: current }];

/** Every record type of the topic `products`, by its `ce_type`. */
export const PRODUCT_WIRE_TYPES: ReadonlyMap<string, ProductWireType> = new Map([
  v1('ProductCreated'),
  v1('ProductUpdated'),
  v1('StockAdjusted'),
  v1('ProductRequestRefused'),
  v1('ProductUpdateRequested'),
  v1('StockAdjustmentRequested'),
]);

/** The `ce_type` under which this code writes each event. */
export const productWireTypeOf = (name: ProductEventName): string => `products.${name}.v1`;

/** A type that has the form of ours but is not in the table was written by newer code: a reader must stop (deploy readers first). */
export const isFutureProductType = (ceType: string): boolean =>
  /^products\.[A-Z][A-Za-z]*\.v[1-9]\d*$/.test(ceType) && !PRODUCT_WIRE_TYPES.has(ceType);
