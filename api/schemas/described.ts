// api/schemas/described.ts: schemas of requests as OpenAPI shows them: with every rule that a schema can say.
// Some rules are checked by code after validation, which names what is wrong better than a keyword does ("must not be given together with
// /items"). Here they are said as a schema, so that a generated client knows which requests are refused.

import { DESCRIBED_ONLY } from '../http/validation.ts';
import type { Answered } from './response-headers.ts';

type Schema = Readonly<Record<string, unknown>>;

// Half of a surrogate pair is refused as well (shared/runtime/storable-text.ts); a pattern cannot say that, and UTF-8 cannot carry it.
const STORABLE_TEXT = '^[^\\u0000]*$';
/** Keywords whose values are data, not schemas. */
const DATA = new Set(['examples', 'default', 'enum', 'const']);

/** Spread it into a schema: `rules` are in the description, and not in the validator. */
export const describedOnly = (rules: Schema): Schema => ({ [DESCRIBED_ONLY]: rules });

/** Of a route that takes no body for an empty object. */
export const BODY_OPTIONAL = { 'x-body-optional': true };

export interface DescribedOperation extends Answered {
  requestBody?: { required?: boolean };
  'x-body-optional'?: true;
}

/** @fastify/swagger calls every body required. */
export const withOptionalBody = <Operation extends DescribedOperation>({ 'x-body-optional': optional, ...operation }: Operation) =>
  optional && operation.requestBody ? { ...operation, requestBody: { ...operation.requestBody, required: false } } : operation;

/** The schema of a part of a request, with all that is only described, and with what every text must obey. */
export const described = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(described);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { [DESCRIBED_ONLY]: rules, ...own } = schema as Schema;
  const all = { ...own, ...(rules as Schema | undefined) };
  const parts = Object.fromEntries(Object.entries(all).map(([name, part]) => [name, DATA.has(name) ? part : described(part)]));
  return isFreeText(all) ? { ...parts, pattern: STORABLE_TEXT } : parts;
};

const isFreeText = ({ type, pattern, format, enum: values }: Schema): boolean =>
  [type].flat().includes('string') && pattern === undefined && format === undefined && values === undefined;
