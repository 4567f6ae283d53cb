// tests/unit/api/routes/document.ts: the OpenAPI document of an api, and which headers of an answer it says nothing of.

import type { InMemoryApi } from '../../../support/in-memory/api.ts';

export interface Described {
  description: string;
  headers?: Record<string, object>;
  content: Record<string, { examples?: Record<string, unknown> }>;
}
export interface Documented {
  paths: Record<
    string,
    Record<
      string,
      {
        operationId: string;
        security: object[];
        parameters?: { in: string; name: string }[];
        responses: Record<string, Described>;
      }
    >
  >;
  components: { headers: Record<string, object> };
}

// They mean the same in all of HTTP, or belong to the connection.
const UNDESCRIBED =
  /^(cache-control|connection|content-encoding|content-length|content-type|date|keep-alive|transfer-encoding|vary|x-content-type-options)$/;

export const documentOf = async (api: InMemoryApi): Promise<Documented> => (await api.get('/openapi.json')).json<Documented>();

/** A reference must lead to a header of that name. */
export const undescribedHeaders = (
  document: Pick<Documented, 'components'>,
  { headers = {} }: Pick<Described, 'headers'>,
  answered: Record<string, unknown>,
): string[] => {
  const names = Object.entries(headers).flatMap(([name, header]) => {
    const reference = '$ref' in header ? String(header.$ref).replace('#/components/headers/', '') : null;
    return reference === null || document.components.headers[reference] !== undefined ? [name.toLowerCase()] : [];
  });
  return Object.keys(answered).filter((name) => !names.includes(name) && !UNDESCRIBED.test(name));
};
