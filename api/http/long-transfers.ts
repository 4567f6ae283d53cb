// api/http/long-transfers.ts: exempts streamed requests and answers from the server's time limit while bytes are moving.
// All other requests keep the limit.

import type { Socket } from 'node:net';
import { addAbortSignal, PassThrough, type Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';

/**
 * Without a byte in either direction for this long the connection is closed: the other side is gone or does not read. Longer than
 * anything that we wait for in between: the log, the database, a place at the gate.
 */
export const STALL_MAX_MS = 60_000;

export interface LongTransfers {
  /** Says that the client went away before it had its whole answer, or that the process stops. */
  leaving: (reply: FastifyReply) => AbortSignal;
  /** Lifts the limit on its time from a request and puts the one on standstill in its place. Signals as `leaving` does. */
  begin: (request: FastifyRequest, reply: FastifyReply) => AbortSignal;
  /** True for a connection whose request may still be coming in although its time is up. */
  isLong: (socket: Socket) => boolean;
  /** Ends all of them. */
  stop: () => void;
}

export const createLongTransfers = (): LongTransfers => {
  const long = new WeakSet<Socket>();
  const stopping = new AbortController();
  const leaving: LongTransfers['leaving'] = ({ raw }) => {
    const gone = new AbortController();
    raw.once('close', () => {
      if (!raw.writableFinished) gone.abort(new Error('the client went away'));
    });
    return AbortSignal.any([gone.signal, stopping.signal]);
  };
  return {
    leaving,
    begin: ({ raw: { socket } }, reply) => {
      long.add(socket);
      reply.raw.once('close', () => long.delete(socket));
      // Node closes a connection that times out, and sets the time-out again for the next request on it.
      socket.setTimeout?.(STALL_MAX_MS);
      return leaving(reply);
    },
    isLong: (socket) => long.has(socket),
    stop: () => stopping.abort(new Error('the service is stopping')),
  };
};

/** The same bytes; ends with the signal's reason, and leaves the connection under `body` to the code that answers on it. */
export const until = (signal: AbortSignal, body: Readable): Readable => addAbortSignal(signal, body.pipe(new PassThrough()));
