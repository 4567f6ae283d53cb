// shared/log/codec/wire-types.ts: from the `ce_type` of a record to what it carries, for every version ever written. Pure.

type Data = Record<string, unknown>;

/** What the core says about the records of one topic: its event-types.ts, event-schemas.ts and upcast.ts. */
export interface Vocabulary<Name extends string> {
  /** What every `ce_type` of the topic begins with. */
  stream: string;
  types: Readonly<Record<Name, { kind: 'fact' | 'request' | 'refusal'; version: number }>>;
  /** JSON Schema of the data as they stand on the wire, by name and version (`OrderCreated.v1`). */
  schemas: Readonly<Record<string, object>>;
  /** From the data of one version to those of the next, by the name and version of the older one. */
  upcasters: Readonly<Record<string, (data: Data) => Data>>;
}

export interface WireType<Name extends string> {
  name: Name;
  /** Name of the schema that the data must match before upcasting. */
  schema: string;
  /** To the data of the current version. */
  upcast: (data: Data) => Data;
}

/** The `ce_type` under which this code writes an event. */
export const currentWireType = <Name extends string>({ stream, types }: Pick<Vocabulary<Name>, 'stream' | 'types'>, name: Name): string =>
  `${stream}.${name}.v${types[name].version}`;

/** Every version of every type, by its `ce_type`. */
export const wireTypesOf = <Name extends string>(vocabulary: Omit<Vocabulary<Name>, 'schemas'>): ReadonlyMap<string, WireType<Name>> => {
  const { stream, types, upcasters } = vocabulary;
  const wireTypes = new Map<string, WireType<Name>>();
  for (const name of Object.keys(types) as Name[]) {
    const versions = versionsOf(name, types[name].version);
    versions.forEach((schema, index) => {
      const older = versions.slice(index, -1);
      const upcast = (data: Data): Data => older.reduce((soFar, version) => upcasters[version]!(soFar), data);
      wireTypes.set(`${stream}.${schema}`, { name, schema, upcast });
    });
  }
  return wireTypes;
};

/** `OrderCreated.v1`, `OrderCreated.v2`, … up to the current one. */
const versionsOf = (name: string, current: number): string[] => Array.from({ length: current }, (_, index) => `${name}.v${index + 1}`);

/**
 * A type that has the form of ours but is not in the table was written by newer code: a reader that skipped it would
 * disagree with one that does not, so it must stop (deploy readers first). Anything else is undecodable.
 */
export const isFutureType = (stream: string, wireTypes: ReadonlyMap<string, unknown>, ceType: string): boolean =>
  ceType.startsWith(`${stream}.`) && /^[A-Z][A-Za-z]*\.v[1-9]\d*$/.test(ceType.slice(stream.length + 1)) && !wireTypes.has(ceType);
