// api/http/guards/upgrades.ts: which requests ask for a WebSocket, and which of them get one.
// Every other Upgrade is ignored, as a server may (RFC 9110, section 7.8): h2c of `curl --http2` or of Java's client is an ordinary request.

import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { API_PREFIX } from '../app-prefix.ts';
import { Problem } from '../problems.ts';

const isHandshake = ({ headers }: IncomingMessage): boolean => headers.upgrade?.toLowerCase() === 'websocket';

const FEED = new RegExp(`^(?:${API_PREFIX})?/feed/?(?:\\?|$)`);
const isFeed = ({ url = '' }: IncomingMessage): boolean => FEED.test(url);

/** For Node's server: whether the connection of a request is handed over. */
export const shouldUpgrade = (request: IncomingMessage): boolean => isHandshake(request) && isFeed(request);

/** A handshake anywhere else is answered with a problem; opened and closed it would look like a feed that fails. Before routes are added. */
export const refuseHandshakes = (app: FastifyInstance): void => {
  app.addHook('onRequest', (request, _reply, done) => {
    const isRefused = isHandshake(request.raw) && !isFeed(request.raw);
    done(isRefused ? new Problem('ROUTE_NOT_FOUND', 'This route is no WebSocket; the live feed is at /feed.') : undefined);
  });
};
