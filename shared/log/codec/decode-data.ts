// shared/log/codec/decode-data.ts: decodes what is the same in every topic: the type, the schema, and what cannot be stored.
// The codec of a topic (order-codec.ts, product-codec.ts) adds its table of types and the shape of its events.

import { Ajv, type ValidateFunction } from 'ajv';
import { AppError } from '../../runtime/app-error.ts';
import { unstorablePath } from '../../runtime/storable-text.ts';
import type { LogRecord } from '../log.ts';
import { type Attributes, readAttributes, type Undecodable, undecodable } from './envelope.ts';
import { isFutureType, type Vocabulary, wireTypesOf } from './wire-types.ts';

type Data = Record<string, unknown>;

export interface DecodedData<Name extends string> {
  ok: true;
  name: Name;
  kind: 'fact' | 'request' | 'refusal';
  attributes: Attributes;
  data: Data;
}

// `useDefaults`: a record from before a property was added is decoded to the default that the property's schema states.
const ajv = new Ajv({ strict: true, strictTypes: false, allowUnionTypes: true, useDefaults: true });

/**
 * Makes the decoder of a topic. It returns why not for a record that is no event of ours (it belongs in the dead-letter topic
 * and has no effect), and throws `UNKNOWN_EVENT_TYPE` for a type that newer code wrote: stop reading.
 */
export const createDecoder = <Name extends string>(
  vocabulary: Vocabulary<Name>,
): ((record: LogRecord) => DecodedData<Name> | Undecodable) => {
  const { stream, types } = vocabulary;
  const wireTypes = wireTypesOf(vocabulary);
  const validators = new Map<string, ValidateFunction>(
    Object.entries(vocabulary.schemas).map(([name, schema]) => [name, ajv.compile(schema)]),
  );
  return (record) => {
    const read = readAttributes(record);
    if (!read.ok) return read;
    const { attributes } = read;
    const wire = wireTypes.get(attributes.type);
    if (!wire) {
      if (!isFutureType(stream, wireTypes, attributes.type)) return undecodable('UNKNOWN_TYPE', `the type ${attributes.type} is not known`);
      const where = `${record.topic}/${record.partition}@${record.offset}`;
      throw new AppError('UNKNOWN_EVENT_TYPE', `The record at ${where} has the type ${attributes.type}: deploy a version that knows it.`);
    }
    const data = parseObject(record.value);
    if (data === null) return undecodable('MALFORMED_JSON', 'the value is not a JSON object');
    if (isTooDeep(record.value!, data)) return undecodable('SCHEMA_MISMATCH', `the data is nested more than ${DEPTH_MAX} deep`);
    if (hasUnstorableText(record.value!, data)) return undecodable('SCHEMA_MISMATCH', 'the data contains NUL or half a surrogate pair');
    const validate = validators.get(wire.schema)!;
    if (!validate(data)) return undecodable('SCHEMA_MISMATCH', ajv.errorsText(validate.errors, { dataVar: 'data' }).slice(0, 500));
    const { kind } = types[wire.name];
    if ((kind === 'fact') !== (attributes.version !== null))
      return undecodable('BAD_HEADER', 'facts, and only facts, carry ce_orderversion');
    return { ok: true, name: wire.name, kind, attributes, data: wire.upcast(data) };
  };
};

const parseObject = (value: Buffer | null): Data | null => {
  if (value === null) return null;
  try {
    const data: unknown = JSON.parse(value.toString('utf8'));
    return typeof data === 'object' && data !== null && !Array.isArray(data) ? (data as Data) : null;
  } catch {
    return null;
  }
};

// Readers ignore properties that they do not know, but keep them. PostgreSQL gives up at some thousand levels, and so does every function
// that walks down by calling itself; our events have four.
const DEPTH_MAX = 500;
const BYTES_PER_LEVEL_MIN = 2; // an opening bracket and a closing one: what is shorter cannot be too deep

const isTooDeep = (value: Buffer, data: Data): boolean => value.length > DEPTH_MAX * BYTES_PER_LEVEL_MIN && isDeeperThan(DEPTH_MAX, data);

const isDeeperThan = (levels: number, data: unknown): boolean => {
  if (typeof data !== 'object' || data === null) return false;
  if (levels === 0) return true;
  for (const each of Object.values(data)) if (isDeeperThan(levels - 1, each)) return true;
  return false;
};

/**
 * JSON can say what PostgreSQL cannot store and UTF-8 cannot carry. Such a record has no effect anywhere, instead of stopping
 * the projector for ever. Only escapes can produce it, so the text is searched for those first.
 */
const hasUnstorableText = (value: Buffer | string, data: unknown): boolean => value.includes('\\u') && unstorablePath(data) !== null;

/** The value of a record. Throws UNSTORABLE_TEXT for data that every reader would set aside for its texts. */
export const encodeData = (data: object): string => {
  const value = JSON.stringify(data);
  if (hasUnstorableText(value, data)) throw new AppError('UNSTORABLE_TEXT', `The text at ${unstorablePath(data) || '/'} cannot be stored.`);
  return value;
};
