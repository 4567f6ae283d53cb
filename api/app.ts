// api/app.ts: the Fastify app, built from services and without network.
// It holds the order in which plugins are registered, and the settings of the HTTP server. Tests and the bench give it their own services.

import { randomUUIDv7 } from 'node:crypto';
import type { Socket } from 'node:net';
import websocket from '@fastify/websocket';
import { type FastifyInstance, fastify } from 'fastify';
import type { Registry } from 'prom-client';
import type { HealthCheck } from '../shared/runtime/health.ts';
import type { Logger } from '../shared/runtime/logger.ts';
import type { Access } from './access/access.ts';
import { authorizeRequests, createTokenCheck } from './access/authorize.ts';
import { limitBodies } from './access/limits/body-limits.ts';
import { createRateLimit } from './access/limits/rate-limit.ts';
import { BODY_BYTES_MAX, ruleOf } from './access/operations.ts';
import type { Feed } from './feed/feed.ts';
import { API_PREFIX } from './http/app-prefix.ts';
import { refuseUnreadBodies } from './http/bodies/body-forms.ts';
import { readJsonBodies } from './http/bodies/json-bodies.ts';
import { compressLongAnswers } from './http/compression.ts';
import { addCommonHeaders, guardRequests, requireJsonAccepted } from './http/guards/http-guard.ts';
import { refuseContradictions } from './http/guards/single-headers.ts';
import { refuseHandshakes, shouldUpgrade } from './http/guards/upgrades.ts';
import { createLongTransfers, type LongTransfers } from './http/long-transfers.ts';
import { createErrorHandler, PROBLEM_TYPE, problemBody } from './http/problem-details.ts';
import { limitQueries, parseQuery } from './http/query-parameters.ts';
import { requestIdOf } from './http/request-ids.ts';
import { createValidatorCompiler } from './http/validation.ts';
import { type ApiMetrics, countSubmissions } from './metrics.ts';
import type { CommandOrder } from './orders/command-order.ts';
import type { SubmitOrder } from './orders/submit-order.ts';
import type { Admission } from './overload/admission.ts';
import { admitRequests } from './overload/admit-requests.ts';
import { answerInTime } from './overload/answer-in-time.ts';
import type { BulkGate } from './overload/bulk-gate.ts';
import type { ChangeProducts } from './products/change-products.ts';
import type { ReadProducts } from './products/read-products.ts';
import type { Consistency } from './reads/consistency.ts';
import type { OrderEvents } from './reads/order-history.ts';
import type { ReadModel } from './reads/read-model.ts';
import type { ReadOrder } from './reads/read-order.ts';
import { refuseUselessKeys } from './requests/refuse-useless-keys.ts';
import { authRoutes } from './routes/auth.ts';
import { docsRoutes } from './routes/docs.ts';
import { feedRoute } from './routes/feed.ts';
import { healthRoutes } from './routes/health.ts';
import { metricsRoute } from './routes/metrics.ts';
import { describeApi } from './routes/openapi.ts';
import { ordersAsBeforeRoutes } from './routes/orders/as-before.ts';
import { bulkRoutes } from './routes/orders/bulk.ts';
import { commandOrderRoutes } from './routes/orders/commands.ts';
import { createOrderRoute } from './routes/orders/create.ts';
import { listOrdersRoute } from './routes/orders/list.ts';
import { orderMetricsRoute } from './routes/orders/metrics.ts';
import { readOrderRoutes } from './routes/orders/read.ts';
import { orderRequestRoute } from './routes/orders/request.ts';
import { productRoutes } from './routes/products.ts';
import { usersRoutes } from './routes/users.ts';

export interface AppOptions {
  topic: string;
  currency: string;
  version: string;
  /** DECISION_WAIT_MS. */
  decisionWaitMs: number;
  submitOrder: SubmitOrder;
  orders: ReadOrder;
  commandOrder: CommandOrder;
  changeProducts: ChangeProducts;
  readProducts: Pick<ReadProducts, 'fresh' | 'page' | 'requestState'>;
  bulkGate: BulkGate;
  admission: Pick<Admission, 'begin' | 'end'>;
  events: Pick<OrderEvents, 'page' | 'asOf' | 'requestOf'>;
  readModel: Pick<ReadModel, 'page' | 'counters'>;
  consistency: Consistency;
  feed: Feed;
  isSeeded: () => boolean;
  metrics: ApiMetrics;
  registry: Registry;
  checks: Readonly<Record<string, HealthCheck>>;
  access: Access;
  logger: Logger;
}

// Node's own limit on all headers together, 16 KiB, is the only other bound on a path.
const PATH_SEGMENT_MAX = 1_024;
// A body of 64 KiB over a poor line (long transfers have a limit of their own); without a limit a client could hold connections by sending nothing.
const REQUEST_TIMEOUT_MS = 30_000;
// Open connections, most of them idle: some 10 KB each. Node closes what comes beyond without an answer.
const CONNECTIONS_MAX = 12_000;
// A message of the feed is a subscription of at most a hundred ids.
const FEED_MESSAGE_BYTES_MAX = 16_384;

/** Not listening and not ready yet: `listen` and `inject` make it ready. */
export const buildApp = async (options: AppOptions): Promise<FastifyInstance> => {
  const { trustedProxies } = options.access.settings;
  const onError = createErrorHandler(options.logger);
  const longTransfers = createLongTransfers();
  const submitOrder = countSubmissions(options.submitOrder, options.metrics.submitted);
  const app = fastify({
    loggerInstance: undefined, // a child logger per request costs more than its lines are worth; errors are logged by onError
    genReqId: requestIdOf,
    bodyLimit: BODY_BYTES_MAX.small, // of a body that no route asks for
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: { shouldUpgradeCallback: shouldUpgrade },
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: PATH_SEGMENT_MAX, querystringParser: parseQuery },
    // While stopping, what still comes over open connections is served; they close with the answer.
    return503OnClosing: false,
    trustProxy: trustedProxies.length > 0 && [...trustedProxies],
    frameworkErrors: onError,
    clientErrorHandler: (error, socket) => answerGarbage(error, socket, longTransfers),
  });
  app.server.maxConnections = CONNECTIONS_MAX;
  app.setErrorHandler(onError);
  app.setValidatorCompiler(createValidatorCompiler() as never);
  // Plain JSON: what a handler sends is what goes out, and a replay has the same bytes. Schemas describe, tests compare.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.removeContentTypeParser('text/plain');
  readJsonBodies(app);

  // First: its hook marks upgrade requests, so that their connection is closed when a later hook refuses them.
  await app.register(websocket, {
    options: { maxPayload: FEED_MESSAGE_BYTES_MAX, perMessageDeflate: false },
    errorHandler: (_error, client) => client.terminate(), // the peer broke the protocol or went away: nothing to be told
    preClose: async () => {
      app.websocketServer.close(); // takes no more; those that are connected stay so
      await options.feed.stop();
    },
  });
  limitBodies(app);
  checkRequests(app, options);
  answerInTime(app, options);
  compressLongAnswers(app, (operationId) => ruleOf(operationId)?.compressed === true);
  app.addHook('onClose', async () => options.access.sessions.stop());
  options.metrics.measureRoutes(app);
  await describeApi(app, { version: options.version, required: options.access.settings.required });
  for (const prefix of ['', API_PREFIX]) await app.register(routes, { options: { ...options, submitOrder, longTransfers }, prefix });
  return app;
};

/** What every request passes before its body is read, in this order: what looks nothing up comes first. */
const checkRequests = (app: FastifyInstance, { access, orders, admission }: AppOptions): void => {
  const { settings, credentials } = access;
  const { required, corsOrigins, rateLimitPerSecond: perSecond } = settings;
  const isMetricsToken = createTokenCheck(settings.metricsToken);
  const rates = required ? createRateLimit({ perSecond, remembered: credentials.remembered, isMetricsToken }) : null;
  app.decorateRequest('counted', null);
  addCommonHeaders(app, { loopbackOnly: !required, corsOrigins });
  if (rates !== null) app.addHook('onRequest', rates.beforeLookUp);
  refuseContradictions(app);
  guardRequests(app, { loopbackOnly: !required, corsOrigins });
  refuseHandshakes(app);
  limitQueries(app);
  refuseUnreadBodies(app);
  authorizeRequests(app, { required, isMetricsToken, credentials, orders });
  if (rates !== null) app.addHook('onRequest', rates.onceKnown);
  refuseUselessKeys(app);
  admitRequests(app, admission);
};

interface RouteOptions extends AppOptions {
  longTransfers: LongTransfers;
}

const routes = async (app: FastifyInstance, { options }: { options: RouteOptions }): Promise<void> => {
  await app.register(async (json) => {
    json.addHook('onRequest', requireJsonAccepted);
    await json.register(createOrderRoute, options);
    await json.register(orderMetricsRoute, options);
    await json.register(listOrdersRoute, options);
    await json.register(readOrderRoutes, options);
    await json.register(commandOrderRoutes, options);
    await json.register(orderRequestRoute, options);
    await json.register(ordersAsBeforeRoutes, options);
    await json.register(productRoutes, options);
    await json.register(authRoutes, options);
    await json.register(usersRoutes, options);
    await json.register(healthRoutes, options);
  });
  await app.register(bulkRoutes, options);
  await app.register(metricsRoute, options);
  await app.register(feedRoute, options);
  await app.register(docsRoutes);
};

/** What cannot be parsed as HTTP never becomes a request; it is answered on the bare connection. */
const answerGarbage = (error: Error & { code?: string }, socket: Socket, longTransfers: Pick<LongTransfers, 'isLong'>): void => {
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && longTransfers.isLong(socket)) return;
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const requestId = randomUUIDv7();
  const body = JSON.stringify(problemBody('MALFORMED_REQUEST', 'The request is not valid HTTP, or did not come in time.', requestId));
  const head = ['HTTP/1.1 400 Bad Request', `content-type: ${PROBLEM_TYPE}`, `x-request-id: ${requestId}`, 'connection: close'];
  // What may still come of the request must not be taken for one: who was told 400 has no order.
  socket.end([...head, `content-length: ${Buffer.byteLength(body)}`, '', body].join('\r\n'), () => {
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') socket.destroy();
  });
};
