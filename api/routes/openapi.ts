// api/routes/openapi.ts: the OpenAPI description, made from the schemas that validate.

import swagger from '@fastify/swagger';
import type { FastifyInstance, FastifySchema } from 'fastify';
import { ruleOf } from '../access/operations.ts';
import { API_PREFIX } from '../http/app-prefix.ts';
import { UserSchema } from '../schemas/accounts.ts';
import { type DescribedOperation, described, withOptionalBody } from '../schemas/described.ts';
import { HealthSchema, MetricsSchema } from '../schemas/metrics.ts';
import { EventSchema, OrderSchema } from '../schemas/order.ts';
import { ProductSchema } from '../schemas/product.ts';
import { COMMON_HEADERS, withCommonHeaders } from '../schemas/response-headers.ts';
import { ProblemSchema } from '../schemas/responses.ts';

const NAMED = [UserSchema, OrderSchema, ProductSchema, EventSchema, MetricsSchema, HealthSchema, ProblemSchema];

const DESCRIPTION = `Orders are recorded in a log, processed from it, and can be read, listed and watched.

A 201 means that every in-sync replica of the log has the order. Money is a decimal with at most two places; times are UTC with
milliseconds, durations seconds. Ids match \`^[A-Za-z0-9_.:-]{1,64}$\`. Errors are application/problem+json; see [the list](/docs/errors).
Every answer has \`X-Request-Id\`, yours if you sent a well-formed one. The same routes are served under \`/api\`.`;

export interface DescribeOptions {
  version: string;
  /** AUTH=required. Otherwise credentials may be left out, and no caller is counted. */
  required: boolean;
}

/** Must be registered before the routes that it describes. */
export const describeApi = async (app: FastifyInstance, { version, required }: DescribeOptions): Promise<void> => {
  for (const schema of NAMED) app.addSchema(schema);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Order service', version, description: DESCRIPTION, license: { name: 'MIT', identifier: 'MIT' } },
      servers: [{ url: '/' }],
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'A token of POST /auth.' },
          basic: { type: 'http', scheme: 'basic', description: 'Email and password of a user, or id and secret of an api client.' },
          ticket: { type: 'apiKey', in: 'query', name: 'ticket', description: 'A ticket of POST /auth/ticket.' },
          metrics_token: { type: 'http', scheme: 'bearer', description: 'METRICS_TOKEN, for scrapers.' },
        },
        headers: COMMON_HEADERS as never,
      },
      tags: [
        { name: 'Orders', description: 'Submit, read and list orders.' },
        { name: 'Products', description: 'The catalogue and its stock.' },
        { name: 'Feed', description: 'Changes as they happen.' },
        { name: 'Access', description: 'Tokens and tickets.' },
        { name: 'Users', description: 'People who use the service.' },
        { name: 'Operation', description: 'Health and metrics.' },
      ],
    },
    // By their own names, so that a reader of the document meets "Order" and not "def-3".
    refResolver: { buildLocalReference: (json, _baseUri, _fragment, index) => (typeof json.$id === 'string' ? json.$id : `def-${index}`) },
    transform: ({ schema, url }) => ({
      schema: { ...schema, ...describedParts(schema), security: securityOf(schema, required), hide: isHidden(schema, url) },
      url,
    }),
    transformObject: (document) => {
      const { openapiObject } = document as { openapiObject: { paths: Record<string, Record<string, DescribedOperation>> } };
      const paths = mapValues(openapiObject.paths, (operations) =>
        mapValues(operations, (operation) => withCommonHeaders(withOptionalBody(operation), required)),
      );
      return { ...openapiObject, paths } as never;
    },
  });
};

const mapValues = <From, To>(record: Readonly<Record<string, From>>, map: (value: From) => To): Record<string, To> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));

const describedParts = (schema: FastifySchema): FastifySchema =>
  Object.fromEntries(
    (['body', 'querystring', 'params', 'headers'] as const).flatMap((part) =>
      schema?.[part] === undefined ? [] : [[part, described(schema[part])]],
    ),
  );

const isHidden = (schema: FastifySchema, url: string): boolean => schema?.hide === true || url.startsWith(`${API_PREFIX}/`);

/** What opens an operation, from the table that is held to. With AUTH=off nothing is asked for. */
const securityOf = (schema: FastifySchema, required: boolean): Record<string, readonly string[]>[] => {
  const rule = ruleOf(schema?.operationId);
  if (rule === null || rule.least === 'anyone') return [];
  return [...(required ? [] : [{}]), { bearer: [] }, { basic: [] }, ...(rule.also === undefined ? [] : [{ [rule.also]: [] }])];
};
