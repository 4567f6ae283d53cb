// api/openapi.ts: the OpenAPI description, made from the schemas that validate.

import swagger from '@fastify/swagger';
import type { FastifyInstance, FastifySchema } from 'fastify';
import { API_PREFIX } from './app-prefix.ts';
import { HealthSchema, MetricsSchema } from './schemas/metrics.ts';
import { EventSchema, OrderSchema } from './schemas/order.ts';
import { ProductSchema } from './schemas/product.ts';
import { ProblemSchema } from './schemas/responses.ts';

const NAMED = [OrderSchema, ProductSchema, EventSchema, MetricsSchema, HealthSchema, ProblemSchema];

const DESCRIPTION = `Orders are recorded in a log, processed from it, and can be read, listed and watched.

A 201 means that every in-sync replica of the log has the order. Money is a decimal with at most two places; times are UTC with
milliseconds, durations seconds. Ids match \`^[A-Za-z0-9_.:-]{1,64}$\`. Errors are application/problem+json; see [the list](/docs/errors).
Every answer has \`X-Request-Id\`, yours if you sent a well-formed one. The same routes are served under \`/api\`.`;

/** Must be registered before the routes that it describes. */
export const describeApi = async (app: FastifyInstance, version: string): Promise<void> => {
  for (const schema of NAMED) app.addSchema(schema);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Order service', version, description: DESCRIPTION, license: { name: 'MIT', identifier: 'MIT' } },
      servers: [{ url: '/' }],
      tags: [
        { name: 'Orders', description: 'Submit, read and list orders.' },
        { name: 'Products', description: 'The catalogue and its stock.' },
        { name: 'Feed', description: 'Changes as they happen.' },
        { name: 'Operation', description: 'Health and metrics.' },
      ],
    },
    // By their own names, so that a reader of the document meets "Order" and not "def-3".
    refResolver: { buildLocalReference: (json, _baseUri, _fragment, index) => (typeof json.$id === 'string' ? json.$id : `def-${index}`) },
    transform: ({ schema, url }) => ({
      schema: url.startsWith(`${API_PREFIX}/`) ? ({ ...schema, hide: true } as FastifySchema) : schema,
      url,
    }),
  });
};
