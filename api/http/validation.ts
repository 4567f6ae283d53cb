// api/http/validation.ts: validates requests against JSON Schema; unknown fields are errors.
// Bodies are never coerced, trimmed or completed. Queries and paths are text, so numbers and booleans are coerced there.

import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { AMOUNT_MAX, isAmount } from '../../shared/order/money.ts';
import { instantOf } from '../../shared/runtime/instant.ts';
import { unstorablePath } from '../../shared/runtime/storable-text.ts';
import { type FieldError, type Problem, validationFailed } from './problems.ts';

/** A keyword that validation passes over: OpenAPI shows the schema under it, and code that says better what is wrong holds requests to it. */
export const DESCRIBED_ONLY = 'x-described';

type Part = 'body' | 'querystring' | 'params' | 'headers';

const PREFIX: Readonly<Record<Part, string>> = { body: '', querystring: 'query', params: 'path', headers: 'header' };
// Enough to correct a form by; a body of five hundred wrong entries (json-shape.ts) must not become an answer of as many lines.
const ERRORS_MAX = 20;
const NAME_MAX = 100;

const AMOUNT_MESSAGE = `must be a decimal from 0 to ${AMOUNT_MAX} with at most two places`;

const INSTANT_MESSAGE = 'must be a date and time like 2026-11-21T08:00:00Z or 2026-11-21T08:00:00+01:00 (in a query the + is written %2B)';
const UNSTORABLE_MESSAGE = 'must not contain NUL (U+0000) or half of a surrogate pair';

const createAjv = (options: { coerce: boolean; allErrors: boolean }): Ajv => {
  const ajv = new Ajv({
    strict: true,
    allowUnionTypes: true,
    coerceTypes: options.coerce,
    useDefaults: options.coerce,
    removeAdditional: false,
    allErrors: options.allErrors,
  });
  ajv.addKeyword(DESCRIBED_ONLY);
  ajv.addFormat('date-time', (text) => instantOf(text) !== null);
  return ajv.addFormat('amount', { type: 'number', validate: isAmount });
};

/** Calls `make` when the value is asked for, and once. */
const onDemand = <T>(make: () => T): (() => T) => {
  let made: { value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
};

/** Two compilers, each made when the first schema comes: compiling is a third of what the api takes to start. */
const createPair = (coerce: boolean) => ({
  first: onDemand(() => createAjv({ coerce, allErrors: false })),
  all: onDemand(() => createAjv({ coerce, allErrors: true })),
});

/**
 * Fastify's validator compiler. Each validator stops at the first error; only a request that failed is checked again for all of them, by a
 * second validator that is compiled for the first such request. How much there can be to collect is bounded before: json-shape.ts for
 * bodies, query-parameters.ts for queries.
 */
export const createValidatorCompiler = () => {
  const body = createPair(false);
  const text = createPair(true);
  return ({ schema, httpPart }: { schema: unknown; httpPart?: string }) => {
    const part = (httpPart ?? 'body') as Part;
    const ajv = part === 'body' ? body : text;
    const first = ajv.first().compile(schema as object);
    const all = onDemand(() => ajv.all().compile(schema as object));
    return (value: unknown): true | { error: Problem } => {
      if (!first(value)) return { error: problemOf(part, value, first, all) };
      const path = unstorablePath(value);
      return path === null ? true : { error: validationFailed([{ path: `${PREFIX[part]}${path}` || '/', message: UNSTORABLE_MESSAGE }]) };
    };
  };
};

const problemOf = (part: Part, value: unknown, first: ValidateFunction, all: () => ValidateFunction): Problem => {
  const collected = all()(value) ? first : all();
  const errors = (collected.errors ?? []).slice(0, ERRORS_MAX);
  return validationFailed(errors.map((error) => fieldError(part, error)));
};

const fieldError = (part: Part, error: ErrorObject): FieldError => {
  const { keyword, instancePath, params } = error;
  const name = keyword === 'required' ? params.missingProperty : keyword === 'additionalProperties' ? params.additionalProperty : null;
  const path = `${PREFIX[part]}${instancePath}${name === null ? '' : `/${String(name).slice(0, NAME_MAX)}`}`;
  return { path: path === '' ? '/' : path, message: messageOf(error) };
};

const messageOf = ({ keyword, params, message }: ErrorObject): string => {
  if (keyword === 'required') return 'is required';
  if (keyword === 'additionalProperties') return 'is not a known field';
  if (keyword === 'format' && params.format === 'amount') return AMOUNT_MESSAGE;
  if (keyword === 'format' && params.format === 'date-time') return INSTANT_MESSAGE;
  if (keyword === 'enum') return `must be one of ${params.allowedValues.join(', ')}`;
  return message ?? 'is not valid';
};
