// bench/load/http-connections.ts: keep-alive HTTP/1.1 connections to one server, with one request in flight on each.
// Of every answer it reads only what a load generator needs: that it is complete, its status, its head. No parser, no streams, no promises.
// Measured against a server that answers 201 with 500 bytes, 64 connections, CPU of the client per request: @@COMPARISON@@

import { connect, type Socket } from 'node:net';

export interface HttpConnectionsOptions {
  port: number;
  count: number;
  /** `tag` is what `send` was given; `head` and `body` are only valid during the call. */
  onAnswer: (tag: number, answer: HttpAnswer) => void;
  /** A connection was lost or an answer cannot be read: the measurement is void. */
  onFailure: (error: Error) => void;
}

export interface HttpAnswer {
  status: number;
  head: Buffer;
  body: Buffer;
}

export interface HttpConnections {
  /** Sends on a free connection; false, and nothing sent, when all of them wait for an answer. */
  send: (request: Buffer, tag: number) => boolean;
  inFlight: () => number;
  close: () => void;
}

interface Connection {
  socket: Socket;
  tag: number;
  /** The beginning of an answer that came in several pieces. */
  pending: Buffer | null;
}

const HOST = '127.0.0.1';
// Larger than any answer that is expected, so that one read brings one answer.
const READ_BUFFER_BYTES = 65_536;
const HEAD_END = '\r\n\r\n';
const LENGTH_HEADER = Buffer.from('content-length: '); // as Fastify writes it; others are found more slowly
const STATUS_AT = 'HTTP/1.1 '.length;
const ZERO = 48;
const NINE = 57;

/** Resolves when all are open. */
export const openHttpConnections = async (options: HttpConnectionsOptions): Promise<HttpConnections> => {
  const { port, count, onAnswer, onFailure } = options;
  const free: Connection[] = [];
  // Node reads into it and calls back before it reads the next socket: one buffer serves all, and nothing is allocated per read.
  const buffer = Buffer.allocUnsafe(READ_BUFFER_BYTES);
  let closed = false;

  const onBytes = (connection: Connection, bytes: Buffer): void => {
    const answer = connection.pending === null ? bytes : Buffer.concat([connection.pending, bytes]);
    const headEnd = answer.indexOf(HEAD_END);
    const end = headEnd === -1 ? Number.POSITIVE_INFINITY : headEnd + HEAD_END.length + contentLength(answer, headEnd);
    if (end > answer.length) {
      connection.pending = connection.pending === null ? Buffer.from(answer) : answer;
      return;
    }
    if (end !== answer.length) {
      onFailure(new Error('the server sent something that is not one answer with a content-length'));
      return;
    }
    connection.pending = null;
    free.push(connection);
    onAnswer(connection.tag, {
      status: statusOf(answer),
      head: answer.subarray(0, headEnd),
      body: answer.subarray(headEnd + HEAD_END.length),
    });
  };

  const open = (): Promise<Connection> =>
    new Promise((resolve, reject) => {
      const onread = {
        buffer,
        callback: (bytes: number, read: Uint8Array) => {
          onBytes(connection, (read as Buffer).subarray(0, bytes));
          return true;
        },
      };
      const socket = connect({ host: HOST, port, noDelay: true, onread }, () => resolve(connection));
      const connection: Connection = { socket, tag: 0, pending: null };
      const lost = (error?: Error): void => {
        if (closed) return;
        reject(error);
        onFailure(new Error(`a connection to port ${port} was lost`, { cause: error }));
      };
      socket.once('error', lost);
      socket.once('close', () => lost());
    });

  const all = await Promise.all(Array.from({ length: count }, open));
  free.push(...all);
  return {
    send: (request, tag) => {
      const connection = free.pop();
      if (connection === undefined) return false;
      connection.tag = tag;
      connection.socket.write(request);
      return true;
    },
    inFlight: () => count - free.length,
    close: () => {
      closed = true;
      for (const { socket } of all) socket.destroy();
    },
  };
};

const statusOf = (answer: Buffer): number =>
  (answer[STATUS_AT]! - ZERO) * 100 + (answer[STATUS_AT + 1]! - ZERO) * 10 + (answer[STATUS_AT + 2]! - ZERO);

/** NaN without one: the end of the answer would be unknown. */
const contentLength = (answer: Buffer, headEnd: number): number => {
  const at = answer.indexOf(LENGTH_HEADER);
  if (at === -1 || at > headEnd)
    return Number.parseInt(/content-length: *(\d+)/i.exec(answer.toString('latin1', 0, headEnd))?.[1] ?? '', 10);
  let length = 0;
  for (let index = at + LENGTH_HEADER.length; answer[index]! >= ZERO && answer[index]! <= NINE; index += 1) {
    length = length * 10 + answer[index]! - ZERO;
  }
  return length;
};
