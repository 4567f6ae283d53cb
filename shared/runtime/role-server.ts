// shared/runtime/role-server.ts: the small HTTP server of a role that has no api of its own.
// /metrics and /health for Prometheus and the supervisor of the process. The api serves the same paths through its own routes.

import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { type HealthCheck, readiness } from './health.ts';

export interface RoleServerOptions {
  host: string;
  /** 0 takes any free port. */
  port: number;
  registry: Registry;
  /** What a scraper must show as `Bearer`; null: /metrics is open (AUTH=off). An empty token opens it to no scraper. */
  metricsToken: string | null;
  /** What must hold for /health/ready to answer 200. */
  checks: Readonly<Record<string, HealthCheck>>;
}

export interface RoleServer {
  /** Resolves when it listens; rejects when the address is taken. */
  start(): Promise<void>;
  /** Takes no more connections and cuts the ones that are left: no client waits for a metrics page. */
  stop(): Promise<void>;
  /** The port it listens on. */
  port(): number;
}

// A scrape is one short request; a client that sends more slowly than this is not scraping.
const REQUEST_TIMEOUT_MS = 10_000;
// Some scrapers and probes, each with a connection or two; what comes beyond is closed.
const CONNECTIONS_MAX = 100;

export const createRoleServer = ({ host, port, registry, metricsToken, checks }: RoleServerOptions): RoleServer => {
  const pages: Readonly<Record<string, (response: ServerResponse) => void | Promise<void>>> = {
    '/metrics': async (response) => send(response, 200, registry.contentType, await registry.metrics()),
    '/health/live': (response) => sendJson(response, 200, { status: 'ok', checks: {} }),
    '/health/ready': (response) => {
      const report = readiness(checks);
      sendJson(response, report.status === 'ok' ? 200 : 503, report);
    },
  };
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    const page = pages[new URL(request.url ?? '/', 'http://role').pathname];
    if (page === undefined) return sendJson(response, 404, { error: 'not found' });
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      return sendJson(response, 405, { error: 'method not allowed' });
    }
    if (page === pages['/metrics'] && !opens(request.headers.authorization, metricsToken)) {
      response.setHeader('www-authenticate', 'Bearer realm="metrics"');
      return sendJson(response, 401, { error: 'METRICS_TOKEN is needed as a bearer token' });
    }
    Promise.resolve(page(response)).catch(() => sendJson(response, 500, { error: 'the page could not be made' }));
  });
  server.maxConnections = CONNECTIONS_MAX;
  return {
    start: () =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host, port }, () => {
          server.off('error', reject);
          resolve();
        });
      }),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
    port: () => (server.address() as AddressInfo).port,
  };
};

/** Compared by digest, in the same time whatever is different. */
const opens = (authorization: string | undefined, token: string | null): boolean => {
  if (token === null) return true;
  if (token === '' || authorization === undefined) return false;
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(authorization), digest(`Bearer ${token}`));
};

const sendJson = (response: ServerResponse, status: number, body: object): void =>
  send(response, status, 'application/json', JSON.stringify(body));

const send = (response: ServerResponse, status: number, type: string, body: string): void => {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
  response.end(body);
};
