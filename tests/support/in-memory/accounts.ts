// tests/support/in-memory/accounts.ts: users and api clients in memory, and ready-made people with credentials for each role.

import { randomUUIDv7 } from 'node:crypto';
import { type AccountStore, emailKey, type Principal, type User } from '../../../api/access/accounts/account-store.ts';
import { newClientId, newSecret, secretHash } from '../../../api/access/client-secrets.ts';
import type { Role } from '../../../api/access/roles.ts';
import { type AccessSettings, accessSettings } from '../../../api/access/settings.ts';
import { AppError } from '../../../shared/runtime/app-error.ts';

export interface MemoryAccounts extends AccountStore {
  /** While true every question is answered with DATABASE_UNAVAILABLE. */
  broken: boolean;
  /** How often principals were asked for. */
  asked: number;
  /** An api client of this role, and its header. */
  addClient: (role: Role) => Promise<{ id: string; authorization: string }>;
}

const VARIABLES = { JWT_SECRET: '', METRICS_TOKEN: '', RATE_LIMIT_PER_SECOND: 1_000_000, CORS_ORIGINS: '', TRUSTED_PROXIES: '' };
export const ACCESS_OFF: AccessSettings = accessSettings({ ...VARIABLES, AUTH: 'off' });
export const METRICS_TOKEN = 'a-token-for-the-scraper';
export const JWT_SECRET = 'a secret of more than thirty-two bytes';
export const ACCESS_REQUIRED: AccessSettings = accessSettings({ ...VARIABLES, AUTH: 'required', JWT_SECRET, METRICS_TOKEN });

export const basic = (name: string, password: string): string => `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;

type StoredUser = User & { passwordHash: string; version: number };

export const createMemoryAccounts = (): MemoryAccounts => {
  const users = new Map<string, StoredUser>();
  const clients = new Map<string, Principal>();

  const ask = async <T>(answer: () => T): Promise<T> => {
    await new Promise(setImmediate);
    if (accounts.broken) throw new AppError('DATABASE_UNAVAILABLE', 'told to be');
    return answer();
  };
  const byEmail = (email: string): StoredUser | undefined => [...users.values()].find((user) => emailKey(user.email) === emailKey(email));
  const view = ({ userId, email, name, role, createdAt }: StoredUser): User => ({ userId, email, name, role, createdAt });

  const accounts: MemoryAccounts = {
    broken: false,
    asked: 0,
    createUser: (user) =>
      ask(() => {
        if (byEmail(user.email) !== undefined) return 'email_taken';
        const stored = { ...user, userId: randomUUIDv7(), version: 1, createdAt: Date.now() };
        users.set(stored.userId, stored);
        return view(stored);
      }),
    readUser: (userId) => ask(() => (users.has(userId) ? view(users.get(userId)!) : null)),
    listUsers: (after, limit) =>
      ask(() =>
        [...users.values()]
          .filter(({ userId }) => userId > after)
          .sort((a, b) => (a.userId < b.userId ? -1 : 1))
          .slice(0, limit)
          .map(view),
      ),
    updateUser: (userId, changes) =>
      ask(() => {
        const known = users.get(userId);
        if (known === undefined) return null;
        const holder = changes.email === undefined ? undefined : byEmail(changes.email);
        if (holder !== undefined && holder !== known) return 'email_taken';
        const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
        const changed = { ...known, ...given, version: known.version + (changes.passwordHash === undefined ? 0 : 1) };
        users.set(userId, changed);
        return view(changed);
      }),
    eraseUser: (userId) => ask(() => users.delete(userId)),
    credentialsOf: (email) =>
      ask(() => {
        const user = byEmail(email);
        return user === undefined ? null : { userId: user.userId, passwordHash: user.passwordHash, version: user.version };
      }),
    principal: (id) => {
      accounts.asked += 1;
      return ask(() => {
        const user = users.get(id);
        if (user !== undefined) return { id, kind: 'user', role: user.role, version: user.version, secretHash: null };
        return clients.get(id) ?? null;
      });
    },
    createClient: ({ clientId, role, secretHash: hash }) =>
      ask(() => void clients.set(clientId, { id: clientId, kind: 'client', role, version: 0, secretHash: hash })),
    addClient: async (role) => {
      const id = newClientId();
      const secret = newSecret();
      await accounts.createClient({ clientId: id, name: role, role, secretHash: secretHash(secret) });
      return { id, authorization: basic(id, secret) };
    },
  };
  return accounts;
};
