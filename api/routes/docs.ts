// api/routes/docs.ts: /openapi.json, the reference at /docs and the list of errors at /docs/errors.
// All assets are served from here: the pages never send a request to another origin, and their policy forbids it.

import helmet from '@fastify/helmet';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyPluginAsync } from 'fastify';
import { PROBLEM_CODES, PROBLEMS, Problem } from '../http/problems.ts';

const CONTENT_SECURITY_POLICY = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    // The reference sets style attributes on its elements.
    styleSrc: ["'self'", "'unsafe-inline'"],
    imgSrc: ["'self'", 'data:'],
    fontSrc: ["'self'"],
    connectSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
};

export const docsRoutes: FastifyPluginAsync = async (app) => {
  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) =>
    reply.header('cache-control', 'no-cache').send(app.swagger()),
  );
  await app.register(pages);
};

const pages: FastifyPluginAsync = async (app) => {
  // No HSTS: this may be plain HTTP on loopback, and the proxy that terminates TLS in front says so.
  await app.register(helmet, { contentSecurityPolicy: CONTENT_SECURITY_POLICY, strictTransportSecurity: false });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    uiConfig: { docExpansion: 'list', deepLinking: true, validatorUrl: null, tryItOutEnabled: true },
    theme: { title: 'Order service' },
  });
  // Its files have plain names; what else is asked for there is not looked for on the disk, which fails on NUL and on long names.
  app.addHook('onRequest', (request, _reply, done) => {
    const [, file] = /^\/docs\/static\/([^?]*)/.exec(request.url) ?? [];
    const isFile = file === undefined || /^[\w.-]{1,100}$/.test(file);
    done(isFile ? undefined : new Problem('ROUTE_NOT_FOUND', 'There is no such route.'));
  });
  app.setNotFoundHandler(() => {
    throw new Problem('ROUTE_NOT_FOUND', 'There is no such route.');
  });
  const page = errorsPage();
  app.get('/docs/errors', { schema: { hide: true } }, async (_request, reply) => reply.type('text/html; charset=utf-8').send(page));
};

/** One section per code; a problem's `type` links to it. */
const errorsPage = (): string => {
  const sections = PROBLEM_CODES.map((code) => {
    const { status, title, meaning } = PROBLEMS[code];
    return `<section id="${code}"><h2><a href="#${code}">${code}</a> <small>${status}</small></h2><p><b>${escaped(title)}.</b> ${escaped(meaning)}</p></section>`;
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Errors of the order service</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff }
h2 { font: 600 1.05rem/1.4 ui-monospace, monospace; margin: 1.6rem 0 0 } h2 a { color: inherit; text-decoration: none }
small { color: #666 } p { margin: .2rem 0 } code { background: #f2f2f2; padding: 0 .2em } section:target { background: #fff6d6 }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818 } code { background: #333 } section:target { background: #40391c } small { color: #999 } }
</style></head><body>
<h1>Errors</h1>
<p>Errors are <code>application/problem+json</code> (RFC 9457). <code>code</code> is one of these; <code>request_id</code> is also the header
<code>X-Request-Id</code>. The reference is at <a href="../docs">/docs</a>.</p>
${sections.join('\n')}
</body></html>
`;
};

const escaped = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(/`([^`]*)`/g, '<code>$1</code>');
