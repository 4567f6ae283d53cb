// The OpenAPI document: complete, consistent in itself, and true about what the routes answer.

import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROBLEM_CODES, PROBLEMS } from '../../../../api/http/problems.ts';
import { fact } from '../../../support/builders/order-events.ts';
import { eventually } from '../../../support/eventually.ts';
import { type InMemoryApi, startApiInMemory } from '../../../support/in-memory/api.ts';
import { undescribedHeaders } from './document.ts';

interface Media {
  schema: object;
  example?: unknown;
  examples?: Record<string, { value: unknown }>;
}
interface Operation {
  summary?: string;
  tags?: string[];
  requestBody?: { content: Record<string, Media> };
  responses: Record<string, { description: string; headers?: Record<string, object>; content?: Record<string, Media> }>;
}
interface Document {
  openapi: string;
  info: { title: string; version: string };
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object>; headers: Record<string, object> };
}

let api: InMemoryApi;
let document: Document;
let ajv: Ajv2020;
beforeAll(async () => {
  api = await startApiInMemory();
  document = (await api.get('/openapi.json')).json();
  ajv = new Ajv2020({ strict: false });
  addFormats.default(ajv);
  ajv.addFormat('amount', true);
  ajv.addSchema(document, 'api');
});
afterAll(() => api.stop());

/** Schemas of the document with their references turned towards it. */
const compile = (schema: object) => ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"api#/components/')));
const operations = (): [string, Operation][] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as [string, Operation]),
  );
const media = (operation: Operation): Media[] =>
  [operation.requestBody?.content ?? {}, ...Object.values(operation.responses).map(({ content }) => content ?? {})].flatMap((content) =>
    Object.values(content),
  );

describe('the document', () => {
  it('is OpenAPI 3.1 with a title and the version of the package', () => {
    expect(document).toMatchObject({ openapi: '3.1.0', info: { title: 'Order service', version: '0.0.0' } });
  });

  it('has every route', () => {
    expect(
      operations()
        .map(([name]) => name)
        .sort(),
    ).toEqual([
      'DELETE /users/{user_id}',
      'GET /feed',
      'GET /health/live',
      'GET /health/ready',
      'GET /metrics',
      'GET /order/{order_id}',
      'GET /orders',
      'GET /orders/export',
      'GET /orders/metrics',
      'GET /orders/{order_id}',
      'GET /orders/{order_id}/events',
      'GET /orders/{order_id}/requests/{request_id}',
      'GET /orders/{order_id}/status',
      'GET /products',
      'GET /products/{product_id}',
      'GET /products/{product_id}/requests/{request_id}',
      'GET /users',
      'GET /users/{user_id}',
      'PATCH /orders/{order_id}',
      'POST /auth',
      'POST /auth/ticket',
      'POST /order',
      'POST /orders',
      'POST /orders/import',
      'POST /orders/populate',
      'POST /orders/{order_id}/cancel',
      'POST /orders/{order_id}/fulfilment',
      'POST /orders/{order_id}/redrive',
      'POST /products',
      'POST /users',
      'PUT /orders/{order_id}',
      'PUT /orders/{order_id}/status',
      'PUT /products/{product_id}',
      'PUT /products/{product_id}/stock',
      'PUT /users/{user_id}',
    ]);
  });

  it('says of every route what it is for and what it answers', () => {
    for (const [name, { summary, tags, responses }] of operations()) {
      expect(summary, name).toBeTruthy();
      expect(tags, name).toHaveLength(1);
      for (const { description } of Object.values(responses)) expect(description, name).toBeTruthy();
    }
  });

  it('has schemas that can be used, and examples that match them', () => {
    let examples = 0;
    for (const [name, operation] of operations()) {
      for (const { schema, example, examples: many } of media(operation)) {
        const validate = compile(schema);
        for (const value of [...(example === undefined ? [] : [example]), ...Object.values(many ?? {}).map((each) => each.value)]) {
          expect(validate(value), `${name}: ${ajv.errorsText(validate.errors)} in ${JSON.stringify(value)}`).toBe(true);
          examples += 1;
        }
      }
    }
    expect(examples).toBeGreaterThan(50);
  });

  it('gives every successful JSON answer and every body an example', () => {
    for (const [name, { requestBody, responses }] of operations()) {
      const ok = Object.entries(responses).flatMap(([status, { content }]) =>
        status.startsWith('2') && content?.['application/json'] ? [content['application/json']] : [],
      );
      for (const each of [...ok, ...Object.values(requestBody?.content ?? {})]) expect(each.example ?? each.examples, name).toBeDefined();
    }
  });

  it('documents every error code on some route, under its own status', () => {
    const documented = new Set<string>();
    for (const [, { responses }] of operations()) {
      for (const [status, { content }] of Object.entries(responses)) {
        for (const code of Object.keys(content?.['application/problem+json']?.examples ?? {})) {
          expect(String(PROBLEMS[code as keyof typeof PROBLEMS].status)).toBe(status);
          documented.add(code);
        }
      }
    }
    // What no route can answer, because the request has none.
    expect(PROBLEM_CODES.filter((code) => !documented.has(code))).toEqual(['METHOD_NOT_ALLOWED']);
  });
});

describe('what the routes really answer', () => {
  const conforms = async (name: string, answer: { statusCode: number; headers: Record<string, unknown>; body: string }) => {
    const [method, path] = name.split(' ') as [string, string];
    const described = document.paths[path]![method.toLowerCase()]!.responses[String(answer.statusCode)];
    expect(described, `${name} answered ${answer.statusCode}: ${answer.body}`).toBeDefined();
    expect(undescribedHeaders(document, described!, answer.headers), name).toEqual([]);
    const type = String(answer.headers['content-type']).split(';')[0]!;
    const validate = compile(described!.content![type]!.schema);
    expect(validate(JSON.parse(answer.body)), `${name}: ${ajv.errorsText(validate.errors)}`).toBe(true);
  };

  it('is as described', async () => {
    const body = { user_id: 1, items: [{ product_id: 5, quantity: 2, unit_price: 1.5 }], total_amount: 3 };
    const posted = await api.post(body);
    const id = posted.json<{ order_id: string }>().order_id;
    await conforms('POST /orders', posted);
    await conforms('POST /orders', await api.post({}));
    await conforms('POST /orders', await api.post({ user_id: 1, item_ids: [1] }));
    await conforms('GET /orders/{order_id}', await api.get(`/orders/${id}`));
    await conforms('GET /orders/{order_id}', await api.get('/orders/none'));
    await conforms('GET /orders/{order_id}/status', await api.get(`/orders/${id}/status`));
    await conforms('GET /order/{order_id}', await api.get(`/order/${id}`));
    await conforms('GET /order/{order_id}', await api.get('/order/none'));
    await conforms('GET /orders/{order_id}/events', await api.get(`/orders/${id}/events`));
    const change = (method: 'PUT' | 'PATCH' | 'POST', url: string, payload: object) => api.app.inject({ method, url, payload });
    const asked = change('POST', `/orders/${id}/cancel`, {});
    await eventually(() => api.log.records.flat().length === 2, { what: 'the request' });
    const request = api.log.records.flat()[1]!.headers.ce_id!.toString();
    await conforms('GET /orders/{order_id}/requests/{request_id}', await api.get(`/orders/${id}/requests/${request}`));
    await conforms('GET /orders/{order_id}/requests/{request_id}', await api.get(`/orders/${id}/requests/none`));
    api.log.landEvent(fact('OrderCancelled', id, 2, 'pending', { causationId: request }));
    await conforms('POST /orders/{order_id}/cancel', await asked);
    await conforms('PUT /orders/{order_id}/status', await change('PUT', `/orders/${id}/status`, { status: 'completed' }));
    await conforms('PATCH /orders/{order_id}', await change('PATCH', `/orders/${id}`, { item_ids: '1', total_amount: 1 }));
    await conforms('PUT /orders/{order_id}', await change('PUT', `/orders/${id}`, {}));
    await conforms('POST /orders/{order_id}/redrive', await change('POST', `/orders/${id}/redrive`, {}));
    await conforms('POST /orders/{order_id}/fulfilment', await change('POST', `/orders/${id}/fulfilment`, { outcome: 'done' }));
    await conforms('POST /order', await api.post(body, {}, '/order'));
    api.readModel.catchUp();
    await conforms('GET /orders', await api.get('/orders'));
    await conforms('GET /orders/metrics', await api.get('/orders/metrics'));
    await conforms('GET /metrics', await api.get('/metrics', { accept: 'application/json' }));
    await conforms('GET /health/live', await api.get('/health/live'));
    await conforms('GET /health/ready', await api.get('/health/ready'));
    await conforms('GET /feed', await api.get('/feed'));
  });
});
