// api/http/bodies/body-forms.ts: refuses a body with a Content-Encoding, or in another charset than UTF-8, before it is read.
// Read as plain UTF-8 it would be called malformed, or say what its client did not write.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Problem } from '../problems.ts';

const CHARSET = /;\s*charset\s*=\s*"?([^";\s]*)/i;

/** Before routes are added. */
export const refuseUnreadBodies = (app: FastifyInstance): void => {
  app.addHook('onRequest', (request, _reply, done) => done(hasBody(request) ? (whyUnread(request) ?? undefined) : undefined));
};

const hasBody = ({ headers }: FastifyRequest): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

const whyUnread = ({ headers }: FastifyRequest): Problem | null => {
  const encoding = headers['content-encoding'] ?? '';
  if (!/^(?:|identity)$/i.test(encoding.trim()))
    return new Problem('UNSUPPORTED_MEDIA_TYPE', 'The body must come without a Content-Encoding.');
  const charset = CHARSET.exec(headers['content-type'] ?? '')?.[1] ?? 'utf-8';
  return /^utf-?8$/i.test(charset) ? null : new Problem('UNSUPPORTED_MEDIA_TYPE', 'The charset of the body must be UTF-8.');
};
