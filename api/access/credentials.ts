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
  byHeader: (authorization: string, source: string) => Found;
  byTicket: (ticket: string) => Promise<Caller | null>;
  /**
   * The id of the caller whose header this was when it was last looked up here, unless memory knows better by now. Nothing is looked up, so
   * `byHeader` may still say no.
   */
  remembered: (authorization: string) => string | null;
}

export interface CredentialsOptions {
  tokens: Pick<Tokens, 'verify' | 'verifyTicket' | 'remembered'>;
  principals: Pick<Principals, 'get' | 'remembered'>;
  signIn: SignIn;
}

/** What a header Authorization shows. */
type Shown =
  | { kind: 'token'; token: string }
  | { kind: 'password'; email: string; password: string }
  | { kind: 'client'; id: string; secret: string };

const SCHEME = /^(bearer|basic) +(\S+) *$/i;
// A longer name or password was never stored.
const BASIC_LENGTH_MAX = 2_048;

export const createCredentials = ({ tokens, principals, signIn: { signIn, ...passwords } }: CredentialsOptions): Credentials => {
  const byBearer = (bearer: Bearer | null): Found => {
    if (bearer === null) return null;
    return then(principals.get(bearer.id), (principal) =>
      principal?.version === bearer.version ? callerFrom(principal, bearer.expiresAt) : null,
    );
  };

  const byClient = (id: string, secret: string): Found =>
    then(principals.get(id), (principal) => (isClientOf(principal, secret) ? callerFrom(principal, null) : null));

  const byPassword = async (email: string, password: string, source: string): Promise<Caller | null> => {
    const signedIn = await signIn({ email, password, source });
    return signedIn === null ? null : byBearer({ id: signedIn.userId, version: signedIn.version, expiresAt: null });
  };

  /** A principal that memory does not have, or not any more, may still be the one. */
  const unlessOutdated = (id: string, version: number): string | null => {
    const principal = principals.remembered(id);
    return principal === undefined || principal?.version === version ? id : null;
  };
  const rememberedUser = (email: string, password: string): string | null => {
    const signedIn = passwords.remembered({ email, password });
    return signedIn === null ? null : unlessOutdated(signedIn.userId, signedIn.version);
  };
  const rememberedBearer = (token: string): string | null => {
    const bearer = tokens.remembered(token);
    return bearer === null ? null : unlessOutdated(bearer.id, bearer.version);
  };

  return {
    byHeader: (authorization, source) => {
      const shown = shownIn(authorization);
      if (shown === null) return null;
      if (shown.kind === 'token') return then(tokens.verify(shown.token), byBearer);
      return shown.kind === 'password' ? byPassword(shown.email, shown.password, source) : byClient(shown.id, shown.secret);
    },
    byTicket: async (ticket) => byBearer(await tokens.verifyTicket(ticket)),
    remembered: (authorization) => {
      const shown = shownIn(authorization);
      if (shown === null) return null;
      if (shown.kind === 'token') return rememberedBearer(shown.token);
      if (shown.kind === 'password') return rememberedUser(shown.email, shown.password);
      return isClientOf(principals.remembered(shown.id), shown.secret) ? shown.id : null;
    },
  };
};

/** Null for what cannot be anybody's credential. */
const shownIn = (authorization: string): Shown | null => {
  const [, scheme, value] = SCHEME.exec(authorization) ?? [];
  if (value === undefined) return null;
  if (scheme!.toLowerCase() === 'bearer') return { kind: 'token', token: value };
  if (value.length > BASIC_LENGTH_MAX) return null;
  const text = Buffer.from(value, 'base64').toString('utf8');
  if (!isStorableText(text)) return null; // nor was one with NUL
  const colon = text.indexOf(':');
  if (colon === -1) return null;
  const name = text.slice(0, colon);
  const secret = text.slice(colon + 1);
  if (name.includes('@')) return { kind: 'password', email: name, password: secret };
  return isClientId(name) ? { kind: 'client', id: name, secret } : null;
};

const isClientOf = (principal: Principal | null | undefined, secret: string): principal is Principal =>
  principal?.secretHash != null && isSecret(secret, principal.secretHash);

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
