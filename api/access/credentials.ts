// api/access/credentials.ts: finds the caller by what a request shows: a token, a password, an api client's secret or a ticket.
// It never decides what the caller may do: that is authorize.ts.

import { isStorableText } from '../../shared/runtime/storable-text.ts';
import type { Principal } from './accounts/account-store.ts';
import type { Caller } from './caller.ts';
import { isClientId, isSecret } from './client-secrets.ts';
import type { Principals } from './principals.ts';
import type { SignIn } from './sign-in.ts';
import type { Bearer, Tokens } from './tokens.ts';

type Found = Caller | null | Promise<Caller | null>;

export interface Credentials {
  /** From the header Authorization; null: no caller. At once for a token that has been seen. Rejects as SignIn does. */
  byHeader: (authorization: string, address: string) => Found;
  byTicket: (ticket: string) => Promise<Caller | null>;
}

export interface CredentialsOptions {
  tokens: Tokens;
  principals: Pick<Principals, 'get'>;
  signIn: SignIn;
}

const SCHEME = /^(bearer|basic) +(\S+) *$/i;
// A longer name or password was never stored.
const BASIC_LENGTH_MAX = 2_048;

export const createCredentials = ({ tokens, principals, signIn }: CredentialsOptions): Credentials => {
  const byBearer = (bearer: Bearer | null): Found => {
    if (bearer === null) return null;
    return then(principals.get(bearer.id), (principal) =>
      principal?.version === bearer.version ? callerFrom(principal, bearer.expiresAt) : null,
    );
  };

  const byClient = (id: string, secret: string): Found => {
    if (!isClientId(id)) return null;
    return then(principals.get(id), (principal) =>
      principal?.secretHash && isSecret(secret, principal.secretHash) ? callerFrom(principal, null) : null,
    );
  };

  const byPassword = async (email: string, password: string, address: string): Promise<Caller | null> => {
    const signedIn = await signIn({ email, password, address });
    return signedIn === null ? null : byBearer({ id: signedIn.userId, version: signedIn.version, expiresAt: null });
  };

  const byBasic = (encoded: string, address: string): Found => {
    if (encoded.length > BASIC_LENGTH_MAX) return null;
    const text = Buffer.from(encoded, 'base64').toString('utf8');
    if (!isStorableText(text)) return null; // nor was one with NUL
    const colon = text.indexOf(':');
    if (colon === -1) return null;
    const name = text.slice(0, colon);
    const secret = text.slice(colon + 1);
    return name.includes('@') ? byPassword(name, secret, address) : byClient(name, secret);
  };

  return {
    byHeader: (authorization, address) => {
      const [, scheme, value] = SCHEME.exec(authorization) ?? [];
      if (value === undefined) return null;
      return scheme!.toLowerCase() === 'basic' ? byBasic(value, address) : then(tokens.verify(value), byBearer);
    },
    byTicket: async (ticket) => byBearer(await tokens.verifyTicket(ticket)),
  };
};

const callerFrom = ({ id, kind, role, version }: Principal, expiresAt: number | null): Caller => ({
  id,
  actor: `${kind}:${id}`,
  role,
  version,
  expiresAt,
});

/** At once where the value is there: most requests need no turn of the event loop to be let in. */
const then = <T extends object, R>(value: T | null | Promise<T | null>, next: (value: T | null) => R | Promise<R>): R | Promise<R> =>
  value instanceof Promise ? value.then(next) : next(value);
