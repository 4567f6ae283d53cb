// api/http/bodies/json-bodies.ts: reads bodies of JSON: counts their structure first, then parses.

import type { FastifyInstance } from 'fastify';
import { shapeProblem } from './json-shape.ts';

export interface JsonBodiesOptions {
  /** What an empty body stands for; without it, it is MALFORMED_JSON. */
  empty?: () => unknown;
}

/** For this app and what is registered in it. A key `__proto__`, or a `prototype` of a constructor, is MALFORMED_JSON. */
export const readJsonBodies = (app: FastifyInstance, { empty }: JsonBodiesOptions = {}): void => {
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, parsed) => {
    const text = body as string;
    if (text === '' && empty !== undefined) return parsed(null, empty());
    const problem = shapeProblem(text);
    if (problem !== null) return parsed(problem);
    parseJson(request, text, parsed);
  });
};
