// api/access/accounts/users.ts: people: hashes their passwords, and reports every change to the caches that hold the old state.

import { Problem } from '../../http/problems.ts';
import type { AccountStore, NewUser, User } from './account-store.ts';
import type { Passwords } from './passwords.ts';

export interface UserInput extends Omit<NewUser, 'passwordHash'> {
  password: string;
}

/** Rejects with PASSWORDS_OVERLOADED or DATABASE_UNAVAILABLE. */
export interface Users extends Pick<AccountStore, 'listUsers'> {
  /** Throws EMAIL_TAKEN. */
  create: (input: UserInput) => Promise<User>;
  /** Throws USER_NOT_FOUND. */
  read: (userId: string) => Promise<User>;
  /** Throws USER_NOT_FOUND or EMAIL_TAKEN. */
  update: (userId: string, changes: Partial<UserInput>) => Promise<User>;
  /** Throws USER_NOT_FOUND. */
  erase: (userId: string) => Promise<void>;
}

export interface UsersOptions {
  store: AccountStore;
  passwords: Pick<Passwords, 'hash'>;
  /** The user was changed or erased. */
  onChanged: (userId: string) => void;
}

export const createUsers = ({ store, passwords, onChanged }: UsersOptions): Users => ({
  create: async ({ password, ...user }) => {
    const created = await store.createUser({ ...user, passwordHash: await passwords.hash(password) });
    if (created === 'email_taken') throw emailTaken();
    return created;
  },
  read: async (userId) => {
    const user = await store.readUser(userId);
    if (user === null) throw notFound(userId);
    return user;
  },
  listUsers: store.listUsers,
  update: async (userId, { password, ...changes }) => {
    const passwordHash = password === undefined ? undefined : await passwords.hash(password);
    const updated = await store.updateUser(userId, { ...changes, passwordHash });
    onChanged(userId);
    if (updated === 'email_taken') throw emailTaken();
    if (updated === null) throw notFound(userId);
    return updated;
  },
  erase: async (userId) => {
    const existed = await store.eraseUser(userId);
    onChanged(userId);
    if (!existed) throw notFound(userId);
  },
});

const emailTaken = (): Problem => new Problem('EMAIL_TAKEN', 'Another user has this email.');
const notFound = (userId: string): Problem => new Problem('USER_NOT_FOUND', `There is no user ${userId}.`);
