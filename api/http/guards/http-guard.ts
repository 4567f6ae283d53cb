// api/http/guards/http-guard.ts: checks that every request passes before its route: Origin and Host, unknown paths and methods, common headers.
// With AUTH=off only loopback names are accepted as Host.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../problems.ts';
import { announceOrigin, answerPreflight, isPreflight, whyForeign } from './cross-origin.ts';

export interface GuardOptions {
  /** AUTH=off: loopback names only, and no pages but ours. */
  loopbackOnly: boolean;
  /** Whose pages may call us with AUTH=required. */
  corsOrigins: readonly string[];
}

/** What every answer has. First of the hooks: a refusal by one of the others can be read by the page that it is for. */
export const addCommonHeaders = (app: FastifyInstance, { loopbackOnly, corsOrigins }: GuardOptions): void => {
  const origins = new Set(corsOrigins);
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id).header('x-content-type-options', 'nosniff');
    if (!loopbackOnly) announceOrigin(request, reply, origins);
    done();
  });
};

/**
 * AUTH=off serves this machine only. A web page that the user happens to visit can send requests to 127.0.0.1 too: then Host
 * is a name of the page's own (DNS rebinding), or Origin is the page's.
 */
const LOOPBACK_HOST = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?$/i;

export const guardRequests = (app: FastifyInstance, { loopbackOnly, corsOrigins }: GuardOptions): void => {
  const routes = collectRoutes(app);
  const origins = new Set(corsOrigins);

  app.addHook('onRequest', (request, reply, done) => {
    const stranger = loopbackOnly ? whyNotLocal(request) : whyForeign(request, origins);
    // Unrouted requests here and not in the 404 handler, which runs only after the body has been parsed.
    if (stranger === null && (request.is404 || routes.isMisrouted(request))) answerUnrouted(request, reply, done);
    else done(stranger ?? undefined);
  });

  const answerUnrouted = (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void => {
    const methods = routes.methodsOf(request.url);
    const allow = [...methods, 'OPTIONS'].join(', ');
    if (methods.length === 0) done(new Problem('ROUTE_NOT_FOUND', 'There is no such route; /docs lists those that there are.'));
    else if (!loopbackOnly && isPreflight(request)) answerPreflight(reply);
    else if (request.method === 'OPTIONS') reply.code(204).header('allow', allow).send();
    else done(new Problem('METHOD_NOT_ALLOWED', `This route has the methods ${allow}.`, { headers: { allow } }));
  };
};

const whyNotLocal = ({ headers: { host, origin } }: FastifyRequest): Problem | null => {
  if (host === undefined || !LOOPBACK_HOST.test(host)) {
    return new Problem('FORBIDDEN', 'Host must be a loopback name: 127.0.0.1, localhost or [::1].');
  }
  if (origin === undefined || origin === `http://${host}`) return null;
  return new Problem('FORBIDDEN', 'Origin must be that of this service.');
};

/** For routes that answer JSON: 406 when the caller excludes it. */
export const requireJsonAccepted = (request: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void): void => {
  const { accept } = request.headers;
  const accepted = accept === undefined || accept === '*/*' || accept === 'application/json' || quality(accept, 'application/json') > 0;
  done(accepted ? undefined : new Problem('NOT_ACCEPTABLE', 'This route answers application/json.'));
};

// Browsers send eight ranges of two parts; a header of 16 KiB has room for 8,000, which took 3 ms to compare.
const RANGES_MAX = 32;
const RANGE_PARTS_MAX = 8;

/**
 * How much an Accept header wants a type, 0 to 1; the most specific range decides (RFC 9110, section 12.5.1). With
 * `explicit`, wildcards do not count. Ranges and parameters beyond what any client sends are not read.
 */
export const quality = (accept: string, type: string, options: { explicit?: boolean } = {}): number => {
  const [main] = type.split('/');
  const matching = options.explicit ? [type] : [type, `${main}/*`, '*/*'];
  let best = { rank: matching.length, q: 0 };
  for (const range of accept.split(',', RANGES_MAX)) {
    const [name, ...parameters] = range.split(';', RANGE_PARTS_MAX).map((part) => part.trim().toLowerCase());
    const rank = matching.indexOf(name ?? '');
    if (rank === -1 || rank >= best.rank) continue;
    const weight = parameters.find((parameter) => parameter.startsWith('q='));
    const q = weight === undefined ? 1 : Number(weight.slice(2));
    best = { rank, q: Number.isFinite(q) ? q : 0 };
  }
  return best.q;
};

interface Routes {
  /** For `Allow`: of the route that the path is meant for. A path that is written out, such as /orders/metrics, is no order's. */
  methodsOf: (url: string) => string[];
  /** The path is written out with other methods, so that a route with a parameter got the request: PUT of the order `populate`. */
  isMisrouted: (request: FastifyRequest) => boolean;
}

/** Must be called before routes are added. */
const collectRoutes = (app: FastifyInstance): Routes => {
  const byTemplate = new Map<string, { pattern: RegExp; methods: Set<string> }>();
  app.addHook('onRoute', ({ url, method }) => {
    const known = byTemplate.get(url) ?? { pattern: patternOf(url), methods: new Set<string>() };
    byTemplate.set(url, known);
    for (const each of [method].flat()) known.methods.add(each);
  });
  const pathOf = (url: string): string => withoutTrailingSlash(url.split('?', 1)[0]!);
  return {
    isMisrouted: ({ url, routeOptions }) => routeOptions.url?.includes('/:') === true && byTemplate.has(pathOf(url)),
    methodsOf: (url) => {
      const path = pathOf(url);
      const written = byTemplate.get(path);
      const matching = written ? [written] : [...byTemplate.values()].filter(({ pattern }) => pattern.test(path));
      return [...new Set(matching.flatMap(({ methods }) => [...methods]))].sort();
    },
  };
};

const withoutTrailingSlash = (path: string): string => (path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path);

const patternOf = (template: string): RegExp => {
  const source = withoutTrailingSlash(template)
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll(/:[A-Za-z_]+/g, '[^/]+');
  return new RegExp(`^${source}$`);
};
