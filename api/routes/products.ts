// api/routes/products.ts: the catalogue: create, read, list and change products, and their stock.

import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply } from 'fastify';
import { toMinor } from '../../shared/order/money.ts';
import { callContextOf } from '../access/call-context.ts';
import { cursorOf, readCursor } from '../http/cursors.ts';
import { ID, toId, whyNotChoosableProduct } from '../http/ids.ts';
import { isProblemCode, Problem, validationFailed } from '../http/problems.ts';
import type { ChangeProducts, ProductChanged } from '../products/change-products.ts';
import { productView } from '../products/product-view.ts';
import type { ReadProducts } from '../products/read-products.ts';
import { idempotencyKeyOf, keyReused } from '../requests/idempotency-key.ts';
import { KeyHeaders } from '../schemas/headers.ts';
import {
  EXAMPLE_PRODUCT,
  EXAMPLE_PRODUCT_ASKED,
  EXAMPLE_PRODUCT_REQUEST,
  ProductAsked,
  ProductInput,
  ProductPage,
  type ProductPatch,
  ProductPatch as ProductPatchSchema,
  ProductPath,
  ProductRef,
  ProductRequestPath,
  ProductRequestState,
  ProductsQuery,
  StockChange,
} from '../schemas/product.ts';
import { NoQuery } from '../schemas/queries.ts';
import { jsonResponse, problemResponses } from '../schemas/responses.ts';
import { PRIVATE } from './conditional-reads.ts';

export interface ProductRoutesOptions {
  changeProducts: ChangeProducts;
  readProducts: Pick<ReadProducts, 'fresh' | 'page' | 'requestState'>;
}

const tags = ['Products'];
const READ_PROBLEMS = ['VALIDATION_FAILED', 'NOT_ACCEPTABLE', 'LOG_UNAVAILABLE', 'READ_MODEL_UNAVAILABLE', 'OVERLOADED'] as const;
const WRITE_PROBLEMS = [...READ_PROBLEMS, 'MALFORMED_JSON', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'] as const;
const one = (description: string, headers: Record<string, string> = {}) =>
  jsonResponse({ description, schema: ProductRef, example: EXAMPLE_PRODUCT, headers });
const asked = (description: string) =>
  jsonResponse({
    description,
    schema: ProductAsked,
    example: EXAMPLE_PRODUCT_ASKED,
    headers: { Location: 'Where to ask what became of it, or to read it.' },
  });

const KEY = 'With `Idempotency-Key` the same request can be sent again safely: the first answer is the answer for ever.';

const createSchema = {
  operationId: 'createProduct',
  tags,
  summary: 'Add a product',
  description: `From now on orders of it have its price, and take from its stock. ${KEY} Its id follows from the key then, and none may be chosen.`,
  querystring: NoQuery,
  headers: KeyHeaders,
  body: ProductInput,
  response: {
    201: one('The product exists.', { Location: 'Where the product can be read.' }),
    202: asked('The product is in the log, but whether it was the first with its id could not be read back in time.'),
    ...problemResponses(...WRITE_PROBLEMS, 'PRODUCT_ID_TAKEN', 'TWO_KEYS', 'IDEMPOTENCY_KEY_REUSED'),
  },
};
const getSchema = {
  operationId: 'getProduct',
  tags,
  summary: 'One product, with its stock',
  description: 'As of now: a product can be read right after its 201, and its stock right after the answer that changed it.',
  params: ProductPath,
  querystring: NoQuery,
  response: { 200: one('The product.'), ...problemResponses(...READ_PROBLEMS, 'PRODUCT_NOT_FOUND') },
};
const listSchema = {
  operationId: 'listProducts',
  tags,
  summary: 'A page of products',
  description: 'In the order of their ids. A new product appears within some milliseconds.',
  querystring: ProductsQuery,
  response: {
    200: jsonResponse({ description: 'A page.', schema: ProductPage, example: { products: [EXAMPLE_PRODUCT], next_cursor: null } }),
    ...problemResponses(...READ_PROBLEMS, 'INVALID_CURSOR'),
  },
};
const changed = {
  200: one('The product, as the change has made it.'),
  202: asked('The request is in the log and not answered yet.'),
  ...problemResponses(...WRITE_PROBLEMS, 'PRODUCT_NOT_FOUND', 'STOCK_WOULD_BE_NEGATIVE', 'STOCK_TOO_LARGE', 'IDEMPOTENCY_KEY_REUSED'),
};
const updateSchema = {
  operationId: 'updateProduct',
  tags,
  summary: 'Change a product',
  description: `Any of its fields. Orders that were submitted before keep the price that they had. ${KEY}`,
  params: ProductPath,
  querystring: NoQuery,
  headers: KeyHeaders,
  body: ProductPatchSchema,
  response: changed,
};
const stockSchema = {
  ...updateSchema,
  operationId: 'adjustStock',
  summary: 'Change the stock of a product',
  description: `By \`delta\` units, or to \`stock\` units on hand. What open orders have reserved cannot be taken away. ${KEY}`,
  body: StockChange,
};
const requestSchema = {
  operationId: 'getProductRequest',
  tags,
  summary: 'What became of a request',
  description: 'A request has one answer for ever.',
  params: ProductRequestPath,
  querystring: NoQuery,
  response: {
    200: jsonResponse({
      description: 'Its state; `pending` also for a request that the processor has not seen.',
      schema: ProductRequestState,
      example: EXAMPLE_PRODUCT_REQUEST,
    }),
    ...problemResponses(...READ_PROBLEMS, 'ROUTE_NOT_FOUND'), // a part of the path that is longer than any id
  },
};

export const productRoutes: FastifyPluginCallbackTypebox<ProductRoutesOptions> = (app, { changeProducts, readProducts }, done) => {
  const { prefix } = app;
  const locate = (reply: FastifyReply, productId: string): FastifyReply => reply.header('location', `${prefix}/products/${productId}`);

  app.post('/products', { schema: createSchema }, async (request, reply) => {
    const { product_id: id, name, description = null, price, stock = 0 } = request.body;
    const productId = id === undefined ? null : chosenId(toId(id));
    const idempotencyKey = idempotencyKeyOf(request.headers['idempotency-key']);
    if (idempotencyKey !== null && productId !== null) {
      throw new Problem('TWO_KEYS', 'Send either Idempotency-Key or product_id: both say which product is meant.');
    }
    const product = { productId, idempotencyKey, name, description, priceMinor: toMinor(price), stock };
    const result = await changeProducts.create(product, callContextOf(request));
    switch (result.outcome) {
      case 'created':
        if (result.replayed) reply.header('idempotent-replayed', 'true');
        return locate(reply.code(201), result.product.product_id).send(productView(result.product));
      case 'pending':
        return locate(reply.code(202), result.productId).send({ message: 'Product accepted', product_id: result.productId });
      case 'key_reused':
        throw keyReused();
      case 'taken':
        throw new Problem('PRODUCT_ID_TAKEN', 'There is a product with this product_id.');
      case 'overloaded':
        throw new Problem('OVERLOADED', 'The catalogue is full. Nothing was recorded.');
      case 'unknown':
        throw new Problem('LOG_UNAVAILABLE', `The log did not confirm the product ${result.productId} in time: it may or may not exist.`);
    }
  });

  app.get('/products/:product_id', { schema: getSchema }, async (request, reply) => {
    const product = await readProducts.fresh(request.params.product_id);
    if (product === null) throw notFound(request.params.product_id);
    return reply.header('cache-control', PRIVATE).send(productView(product));
  });

  app.get('/products', { schema: listSchema }, async (request, reply) => {
    const { limit, cursor } = request.query;
    const after = cursor === undefined ? null : readCursor(cursor, ['products'], isId);
    const found = await readProducts.page(after, limit + 1);
    const page = found.slice(0, limit);
    return reply.header('cache-control', PRIVATE).send({
      products: page.map(productView),
      next_cursor: found.length > limit ? cursorOf(['products'], page.at(-1)!.product_id) : null,
    });
  });

  const answer = (reply: FastifyReply, productId: string, result: ProductChanged): FastifyReply => {
    if ('replayed' in result && result.replayed) reply.header('idempotent-replayed', 'true');
    switch (result.outcome) {
      case 'applied':
        return reply.send(productView(result.product));
      case 'pending':
        return reply
          .code(202)
          .header('location', `${prefix}/products/${productId}/requests/${result.requestId}`)
          .send({ message: 'Request accepted', product_id: productId, request_id: result.requestId });
      case 'refused': // a newer processor may know reasons that we do not: they say that it could not be done
        throw new Problem(isProblemCode(result.code) ? result.code : 'STOCK_WOULD_BE_NEGATIVE', result.detail);
      case 'not_found':
        throw notFound(productId);
      case 'key_reused':
        throw keyReused();
      case 'unknown':
        throw new Problem('LOG_UNAVAILABLE', 'The log did not confirm the request in time: it may or may not be answered, now or later.', {
          requestId: result.requestId,
        });
    }
  };

  app.put('/products/:product_id', { schema: updateSchema }, async (request, reply) => {
    const { product_id: productId } = request.params;
    const idempotencyKey = idempotencyKeyOf(request.headers['idempotency-key']);
    const change = { productId, idempotencyKey, asked: { name: 'ProductUpdateRequested', data: patchOf(request.body) } as const };
    return answer(reply, productId, await changeProducts.change(change, callContextOf(request)));
  });

  app.put('/products/:product_id/stock', { schema: stockSchema }, async (request, reply) => {
    const { product_id: productId } = request.params;
    const { delta = null, stock = null } = request.body;
    const idempotencyKey = idempotencyKeyOf(request.headers['idempotency-key']);
    const change = { productId, idempotencyKey, asked: { name: 'StockAdjustmentRequested', data: { delta, stock } } as const };
    return answer(reply, productId, await changeProducts.change(change, callContextOf(request)));
  });

  app.get('/products/:product_id/requests/:request_id', { schema: requestSchema }, async (request, reply) => {
    const { product_id: productId, request_id: requestId } = request.params;
    const { state, code } = await readProducts.requestState(productId, requestId);
    return reply.header('cache-control', PRIVATE).send({ request_id: requestId, state, code, product_id: productId });
  });
  done();
};

const patchOf = ({ name, description, price, stock }: ProductPatch) => ({
  ...(name === undefined ? {} : { name }),
  ...(description === undefined ? {} : { description }),
  ...(price === undefined ? {} : { price_minor: toMinor(price) }),
  ...(stock === undefined ? {} : { stock }),
});

/** Throws VALIDATION_FAILED. */
const chosenId = (productId: string): string => {
  const why = whyNotChoosableProduct(productId);
  if (why !== null) throw validationFailed([{ path: '/product_id', message: why }]);
  return productId;
};

const notFound = (productId: string): Problem => new Problem('PRODUCT_NOT_FOUND', `There is no product ${productId}.`);

const isId = (at: unknown): at is string => typeof at === 'string' && ID.test(at);
