// api/http/request-ids.ts: the id of a request: the client's X-Request-Id if it is harmless in logs and headers, else a new one.
// It becomes the correlation id of the event that the request leads to.

import { randomUUIDv7 } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const WELL_FORMED = /^[A-Za-z0-9_.:/+=@-]{1,128}$/;

export const requestIdOf = (request: IncomingMessage): string => {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && WELL_FORMED.test(given) ? given : randomUUIDv7();
};
