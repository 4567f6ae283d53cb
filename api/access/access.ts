// api/access/access.ts: composes everything about people and access.

import type { AccountStore } from './accounts/account-store.ts';
import { createPasswords } from './accounts/passwords.ts';
import { createUsers, type Users } from './accounts/users.ts';
import { type Credentials, createCredentials } from './credentials.ts';
import { createFeedSessions, type FeedSessions } from './feed-sessions.ts';
import { createAttempts } from './limits/attempts.ts';
import { createPrincipals } from './principals.ts';
import type { AccessSettings } from './settings.ts';
import { createSignIn, type SignIn } from './sign-in.ts';
import { createTokens, type Tokens } from './tokens.ts';

export interface Access {
  settings: AccessSettings;
  credentials: Credentials;
  tokens: Tokens;
  signIn: SignIn;
  sessions: FeedSessions;
  users: Users;
}

export const createAccess = (settings: AccessSettings, store: AccountStore): Access => {
  const tokens = createTokens(settings.jwtSecret);
  const passwords = createPasswords();
  const principals = createPrincipals(store);
  const signIn = createSignIn({ store, passwords, attempts: createAttempts(), principals });
  const sessions = settings.required ? createFeedSessions({ principals }) : UNLIMITED;
  const onChanged = (userId: string): void => {
    principals.forget(userId);
    sessions.recheck(userId);
  };
  return {
    settings,
    credentials: createCredentials({ tokens, principals, signIn }),
    tokens,
    signIn,
    sessions,
    users: createUsers({ store, passwords, onChanged }),
  };
};

/** With AUTH=off no caller's rights can end. */
const UNLIMITED: FeedSessions = { open: () => () => {}, recheck: () => {}, stop: () => {} };
