// api/http/compression.ts: compresses long, repetitive answers with gzip: pages, exports, histories.
// All other answers pass no code of this file. An answer with a secret is never compressed: its length would reveal it (BREACH).

import { PassThrough, pipeline, Readable } from 'node:stream';
import { promisify } from 'node:util';
import { createGzip, gzip } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { quality } from './guards/http-guard.ts';

/** What is shorter fits into one packet anyway. */
export const COMPRESS_FROM_BYTES = 1_400;
// A page of 50 orders (29 KB) becomes a twelfth in 0.12 ms; level 6 takes 0.16 ms and saves 6 % more.
const GZIP_LEVEL = 1;

const gzipped = promisify(gzip);

/** Must be called before routes are added. */
export const compressLongAnswers = (app: FastifyInstance, isCompressed: (operationId: unknown) => boolean): void => {
  app.addHook('onRoute', (route) => {
    if (!isCompressed((route.schema as { operationId?: unknown } | undefined)?.operationId)) return;
    route.onSend = [...[route.onSend ?? []].flat(), compress];
  });
};

const compress = async (request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<unknown> => {
  const vary = reply.getHeader('vary');
  reply.header('vary', vary === undefined ? 'Accept-Encoding' : `${vary}, Accept-Encoding`);
  const accepted = request.headers['accept-encoding'];
  if (accepted === undefined || quality(accepted, 'gzip', { explicit: true }) === 0 || request.method === 'HEAD') return payload;
  if (payload instanceof Readable) {
    markCompressed(reply);
    // Both ends are told when the other breaks: an export that fails never looks whole.
    return pipeline(payload, createGzip({ level: GZIP_LEVEL }), new PassThrough(), () => {});
  }
  if (typeof payload !== 'string' || Buffer.byteLength(payload) < COMPRESS_FROM_BYTES) return payload;
  markCompressed(reply);
  return gzipped(payload, { level: GZIP_LEVEL });
};

const markCompressed = (reply: FastifyReply): void => {
  reply.header('content-encoding', 'gzip').removeHeader('content-length');
};
