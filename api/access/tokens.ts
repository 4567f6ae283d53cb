// api/access/tokens.ts: tokens that stand for a caller: JWTs for the api (15 minutes), tickets for the feed (30 seconds).
// They name the caller, never what it may do: that is read from the accounts. Algorithm, issuer, audience and lifetime are pinned.

import { createSecretKey, randomUUID } from 'node:crypto';
import { errors, jwtVerify, SignJWT } from 'jose';
import { LRUCache } from 'lru-cache';
import { createUsedTickets } from './used-tickets.ts';

/** Who a token stands for. */
export interface Bearer {
  id: string;
  /** Of the credentials that it was given for (see Principal). */
  version: number;
  /** When what is opened with it ends, epoch milliseconds; null: it does not by itself. */
  expiresAt: number | null;
}

export interface Tokens {
  issue: (bearer: Pick<Bearer, 'id' | 'version'>) => Promise<string>;
  /** For `/feed?ticket=`, where browsers can send no header. The feed ends when the bearer's own credential does. */
  issueTicket: (bearer: Bearer) => Promise<string>;
  /** Null for what is not a token of ours, or not any more. At once for one that was verified before. */
  verify: (token: string) => Bearer | null | Promise<Bearer | null>;
  /** Of a token that was verified before, and has not expired. */
  remembered: (token: string) => Bearer | null;
  /** Null from the second time on that this instance sees it, too. */
  verifyTicket: (ticket: string) => Promise<Bearer | null>;
}

export const TOKEN_LIFETIME_S = 900;
export const TICKET_LIFETIME_S = 30;
const ALGORITHM = 'HS256';
const ISSUER = 'order-service';
const API = 'api';
const FEED = 'feed';
// Ours have some 250 characters; what is longer is not even looked at.
const TOKEN_LENGTH_MAX = 1_024;
// Some 500 bytes each. Verifying takes 80 µs and turns of the event loop, looking it up 0.3 µs.
const VERIFIED_MAX = 10_000;

/** `secret`: at least 32 bytes, the same on every instance. */
export const createTokens = (secret: string | Buffer, now: () => number = Date.now): Tokens => {
  const key = createSecretKey(typeof secret === 'string' ? Buffer.from(secret) : secret);
  const verified = new LRUCache<string, Bearer & { expiresAt: number }>({ max: VERIFIED_MAX });

  // Clocks may jump: an hour back makes no ticket older than it is, a few seconds do not matter.
  const usedTickets = createUsedTickets(2 * TICKET_LIFETIME_S * 1000, now);

  const sign = (
    audience: string,
    id: string,
    claims: { ver: number; end?: number | null; jti?: string },
    lifetimeS: number,
  ): Promise<string> => {
    const seconds = Math.floor(now() / 1000);
    return new SignJWT(claims)
      .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT' })
      .setIssuer(ISSUER)
      .setAudience(audience)
      .setSubject(id)
      .setIssuedAt(seconds)
      .setExpirationTime(seconds + lifetimeS)
      .sign(key);
  };

  const read = async (token: string, audience: string, lifetimeS: number) => {
    if (token.length > TOKEN_LENGTH_MAX) return null;
    try {
      const { payload } = await jwtVerify<{ ver?: unknown; end?: unknown }>(token, key, {
        algorithms: [ALGORITHM],
        issuer: ISSUER,
        audience,
        typ: 'JWT',
        maxTokenAge: lifetimeS,
        requiredClaims: ['sub', 'exp', 'iat'],
        currentDate: new Date(now()),
      });
      const { sub, ver, exp, end, jti } = payload;
      return typeof ver === 'number' ? { id: sub!, version: ver, exp: exp! * 1000, end, jti } : null;
    } catch (error) {
      if (error instanceof errors.JOSEError) return null;
      throw error;
    }
  };

  const verify = async (token: string): Promise<Bearer | null> => {
    const found = await read(token, API, TOKEN_LIFETIME_S);
    if (found === null) return null;
    const bearer = { id: found.id, version: found.version, expiresAt: found.exp };
    verified.set(token, bearer);
    return bearer;
  };

  const remembered = (token: string): Bearer | null => {
    const known = verified.get(token);
    return known !== undefined && known.expiresAt > now() ? known : null;
  };

  return {
    issue: ({ id, version }) => sign(API, id, { ver: version }, TOKEN_LIFETIME_S),
    issueTicket: ({ id, version, expiresAt }) => sign(FEED, id, { ver: version, end: expiresAt, jti: randomUUID() }, TICKET_LIFETIME_S),
    verify: (token) => (verified.has(token) ? remembered(token) : verify(token)),
    remembered,
    verifyTicket: async (ticket) => {
      const found = await read(ticket, FEED, TICKET_LIFETIME_S);
      if (found?.jti === undefined || !usedTickets.use(found.jti)) return null;
      return { id: found.id, version: found.version, expiresAt: typeof found.end === 'number' ? found.end : null };
    },
  };
};
