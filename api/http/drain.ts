// api/http/drain.ts: stops the api without failing a request: not ready first, then no new requests, then open ones are cut.
// The limits together leave a second of a process's 4.5 (runtime/shutdown.ts).

import type { Socket } from 'node:net';
import { setImmediate as afterPoll } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { within } from '../../shared/runtime/within.ts';

export interface DrainOptions {
  app: FastifyInstance;
  /** Says goodbye to those who watch; they come back elsewhere. */
  stopFeed: () => Promise<void>;
  /** Settles every append, those in doubt with an error: their requests are answered then. At most a second. */
  stopAppends: () => Promise<void>;
}

export interface Drain {
  /** Resolves when every request has its answer and no connection is left; at most 3.5 s. */
  stop: () => Promise<void>;
}

// Connections that are in use get an answer with `Connection: close` meanwhile, and a balancer sees that we are not ready. One
// that was not used for this long is cut when this is over; a request that is on its way just then is its client's to repeat.
const NOTICE_MS = 750;
// The longest wait that ends by itself is that of a command for its answer, which is cut to a second (outstanding-requests.ts).
const IN_FLIGHT_MS = 1_250;
// Before the cut the event loop looks at the network so often: once for what came while the process was busy, which the operating
// system holds and would answer with a reset, and once more for what came during that.
const LOOKS_BEFORE_THE_CUT = 2;
// For an error to be written, or a connection to close.
const LAST_WORDS_MS = 250;

/** To be made before `app` listens. */
export const createDrain = ({ app, stopFeed, stopAppends }: DrainOptions): Drain => {
  const { server } = app;
  const sockets = new Set<Socket>();
  let leaving = false;
  let allGone = (): void => undefined;

  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
      if (sockets.size === 0) allGone();
    });
  });
  server.prependListener('request', (_request, response) => {
    if (leaving) response.shouldKeepAlive = false;
  });

  const untilAllGone = (): Promise<void> =>
    sockets.size === 0
      ? Promise.resolve()
      : new Promise((resolve) => {
          allGone = resolve;
        });

  /** Takes no more and cuts what is idle, in one step right after a look at the network. */
  const cut = async (): Promise<void> => {
    for (let look = 0; look < LOOKS_BEFORE_THE_CUT; look += 1) await afterPoll();
    server.close();
  };

  const stop = async (): Promise<void> => {
    leaving = true;
    const feedStopped = stopFeed();
    await within(NOTICE_MS, untilAllGone());
    await cut();
    const closed = Promise.all([feedStopped, untilAllGone(), app.close()]);
    if (await within(IN_FLIGHT_MS, closed)) return;
    await stopAppends();
    if (await within(LAST_WORDS_MS, closed)) return;
    server.closeAllConnections();
    await within(LAST_WORDS_MS, closed);
  };
  return { stop };
};
