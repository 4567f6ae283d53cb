// api/access/caller.ts: who is calling, as api/access/authorize.ts has found out before the route runs.

import type { FastifyRequest } from 'fastify';
import type { Role } from './roles.ts';

export interface Caller {
  /** User or client, whatever the credential: what idempotency keys belong to. */
  id: string;
  /** `ce_actor` of the events that a call leads to. */
  actor: string;
  role: Role;
  /** Of the credentials that were shown: new ones end what goes on under the old (see Principal). */
  version: number;
  /** When the credential ends, epoch milliseconds; null for one that does not. */
  expiresAt: number | null;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Null before the caller is known, and on public routes. */
    caller: Caller | null;
  }
}

/** Every caller, with AUTH=off: a client that reaches this machine may do everything. */
export const ANONYMOUS: Caller = { id: 'anonymous', actor: 'anonymous', role: 'admin', version: 0, expiresAt: null };

/** Only for routes that are not public. */
export const callerOf = (request: FastifyRequest): Caller => {
  if (request.caller === null) throw new Error(`${request.url} asks for its caller, but nobody has been let in`);
  return request.caller;
};

/** The user whose orders are all that the caller may see and change; null: all users'. */
export const ownerOf = ({ id, role }: Caller): string | null => (role === 'customer' ? id : null);
