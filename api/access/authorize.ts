// api/access/authorize.ts: the one place that decides who may call what (docs/access.md).
// It looks up every route in operations.ts when the route is added, and admits or refuses every request before its body is read.

import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify';
import { ID } from '../http/ids.ts';
import { Problem } from '../http/problems.ts';
import type { ReadOrder } from '../reads/read-order.ts';
import { ANONYMOUS, type Caller } from './caller.ts';
import type { Credentials } from './credentials.ts';
import { sourceOf } from './limits/source.ts';
import { type Rule, ruleOf } from './operations.ts';
import { mayActAs, type UserRole } from './roles.ts';

export interface AuthorizeOptions {
  /** AUTH=required. Otherwise every caller is ANONYMOUS, and a request costs nothing here. */
  required: boolean;
  isMetricsToken: (authorization: string | undefined) => boolean;
  credentials: Pick<Credentials, 'byHeader' | 'byTicket'>;
  orders: Pick<ReadOrder, 'fresh'>;
}

/** The reference and the specification describe the service and contain nothing of anybody. */
const PUBLIC_PAGES = /^(?:\/api)?\/(?:docs(?:\/.*)?|openapi\.json)$/;
const CHALLENGE = 'Bearer realm="orders", Basic realm="orders", charset="UTF-8"';

/** Must be called before routes are added; a route that has no rule throws then. */
export const authorizeRequests = (app: FastifyInstance, options: AuthorizeOptions): void => {
  app.addHook('onRoute', requireRule);
  if (!options.required) {
    app.decorateRequest('caller', { getter: () => ANONYMOUS });
    return;
  }
  app.decorateRequest('caller', null);
  const { credentials, isMetricsToken } = options;

  const identify = (request: FastifyRequest, rule: Rule): Caller | null | Promise<Caller | null> => {
    const { authorization } = request.headers;
    const { ticket } = request.query as { ticket?: unknown };
    if (rule.also === 'ticket' && typeof ticket === 'string') return credentials.byTicket(ticket);
    return authorization === undefined ? null : credentials.byHeader(authorization, sourceOf(request));
  };

  const admit = (request: FastifyRequest, rule: Rule, caller: Caller | null): Promise<void> | void => {
    if (caller === null) throw unauthenticated(request.headers.authorization !== undefined);
    request.caller = caller;
    if (caller.role === 'customer') return admitCustomer(request, rule, caller);
    if (caller.role === 'fulfiller' && rule.fulfiller) return;
    if (!mayActAs(caller.role, rule.least as UserRole)) throw forbidden(rule);
  };

  const admitCustomer = async (request: FastifyRequest, rule: Rule, customer: Caller): Promise<void> => {
    // Another customer's order is 404 whatever is asked of it; so this comes before what a customer may not do to their own.
    if (rule.own === 'order') await requireOwnOrder(request, customer);
    if (rule.least !== 'customer') throw forbidden(rule);
    if (rule.own === 'list') keepToOwn(request, customer);
  };

  const requireOwnOrder = async (request: FastifyRequest, customer: Caller): Promise<void> => {
    const { order_id: orderId } = request.params as { order_id: string };
    if (!ID.test(orderId)) return; // no order has it: its validation says so
    const found = await options.orders.fresh(orderId);
    if (found?.order.userId !== customer.id) throw new Problem('ORDER_NOT_FOUND', `There is no order ${orderId}.`);
  };

  app.addHook('onRequest', (request, _reply, done) => {
    const rule = ruleOfRoute(request.routeOptions.schema);
    if (rule === null || rule.least === 'anyone') return done();
    if (rule.also === 'metrics_token' && isMetricsToken(request.headers.authorization)) return done();
    try {
      const caller = identify(request, rule);
      const admitted = caller instanceof Promise ? caller.then((found) => admit(request, rule, found)) : admit(request, rule, caller);
      if (admitted instanceof Promise) admitted.then(() => done(), done);
      else done();
    } catch (error) {
      done(error as Error);
    }
  });
};

const requireRule = ({ schema, url, method }: RouteOptions): void => {
  if (PUBLIC_PAGES.test(url)) return;
  if (ruleOfRoute(schema) === null) {
    throw new Error(`${method} ${url} has no rule for who may call it: give it an operationId with a row in api/access/operations.ts`);
  }
};

const ruleOfRoute = (schema: unknown): Rule | null => ruleOf((schema as { operationId?: unknown } | undefined)?.operationId);

/** Absent, the filter is the customer's own; another customer's is refused, not answered with an empty list. */
const keepToOwn = (request: FastifyRequest, { id }: Caller): void => {
  const query = request.query as { user_id?: unknown };
  if (query.user_id !== undefined && query.user_id !== id) throw new Problem('FORBIDDEN', 'A customer lists their own orders only.');
  query.user_id = id;
};

const unauthenticated = (shown: boolean): Problem =>
  new Problem('UNAUTHENTICATED', shown ? 'The credentials are not valid, or not any more.' : 'This needs credentials.', {
    headers: { 'www-authenticate': CHALLENGE },
  });

const forbidden = ({ least }: Rule): Problem => new Problem('FORBIDDEN', `This needs the role ${least}.`);

/** Compared by digest, in the same time whatever is different. An empty token is nobody's. */
export const createTokenCheck = (token: string): ((authorization: string | undefined) => boolean) => {
  if (token === '') return () => false;
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  const expected = digest(`Bearer ${token}`);
  return (authorization) => authorization !== undefined && timingSafeEqual(digest(authorization), expected);
};
