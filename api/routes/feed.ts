// api/routes/feed.ts: GET /feed, the live feed over WebSocket.

import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox';
import type { Access } from '../access/access.ts';
import { callerOf, ownerOf } from '../access/caller.ts';
import { FEEDS_PER_CALLER_MAX } from '../access/feed-sessions.ts';
import type { Feed } from '../feed/feed.ts';
import { Problem } from '../http/problems.ts';
import { emptyResponse, problemResponses } from '../schemas/responses.ts';

export interface FeedRouteOptions {
  feed: Feed;
  access: Pick<Access, 'sessions'>;
  /** False while the tail has no place in the log yet, and so no cursor to begin with. */
  isSeeded: () => boolean;
}

const schema = {
  operationId: 'watchOrders',
  tags: ['Feed'],
  summary: 'Every change of every order, as it happens (WebSocket)',
  description:
    'Everything from now on: a connection that ended cannot be resumed yet, the next one begins with what happens then. JSON text frames, each with an opaque `cursor`, which is not accepted back yet: `subscribed` at once; `order` {order_id, user_id, status, previous_status, version, at, event} for every applied fact, in order per order; `heartbeat` every 5 s; `error` {code, detail}; `shutdown`. A customer is told of their own orders. Browsers open it with `?ticket=` of POST /auth/ticket. A caller may have 20 open at a time on an instance; one more is told `RATE_LIMITED`. Close codes: 1001 shutdown, 1013 too many clients or feeds of this caller, 4000 bad message, 4001 the credential has expired, 4003 the caller is erased or has another role or password, 4008 too slow.',
  response: {
    101: emptyResponse('The connection is a WebSocket now.'),
    ...problemResponses('UPGRADE_REQUIRED', 'LOG_UNAVAILABLE'),
  },
};

export const feedRoute: FastifyPluginCallbackTypebox<FeedRouteOptions> = (app, { feed, access, isSeeded }, done) => {
  app.route({
    method: 'GET',
    url: '/feed',
    schema,
    preHandler: (_request, _reply, next) =>
      next(isSeeded() ? undefined : new Problem('LOG_UNAVAILABLE', 'The tail of the log has not been read yet.')),
    handler: () => {
      throw new Problem('UPGRADE_REQUIRED', 'Open this address as a WebSocket.', { headers: { upgrade: 'websocket' } });
    },
    wsHandler: (client, request) => {
      const unknown = Object.keys(request.query as object).filter((name) => name !== 'ticket');
      if (unknown.length > 0) return feed.refuse(client, 'This feed takes no query parameters but ticket yet.');
      const caller = callerOf(request);
      const leave = access.sessions.open(caller, (why) => feed.end(client, why));
      if (leave === null)
        return feed.turnAway(client, `At most ${FEEDS_PER_CALLER_MAX} feeds of one caller are open at a time on an instance.`);
      client.once('close', leave);
      feed.connect(client, request.raw.socket, ownerOf(caller));
    },
  });
  done();
};
