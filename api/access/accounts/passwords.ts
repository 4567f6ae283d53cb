// api/access/accounts/passwords.ts: passwords as argon2id hashes, made off the main thread and few at a time.
// A hash contains its own parameters (PHC string format), so that they can be raised later.

import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { AppError } from '../../../shared/runtime/app-error.ts';

/** Where a password waits for its turn. `known` goes first: a flood of strangers keeps out no user who comes from where they always do. */
export type HashQueue = 'known' | 'others';

export interface Passwords {
  /** Waits with those that are known: an administrator asked for it. */
  hash: (password: string) => Promise<string>;
  /** With null, for a user that there is not, it takes the same time and is false. */
  verify: (password: string, hash: string | null, queue: HashQueue) => Promise<boolean>;
  /** True while a password for this queue is rejected with PASSWORDS_OVERLOADED, at once. */
  isBusy: (queue: HashQueue) => boolean;
}

// OWASP's first choice for argon2id: https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
// 19 MiB and two passes take 22 ms of one core here.
const COST = { memory: 19_456, passes: 2, parallelism: 1 } as const;
const SALT_BYTES = 16;
const TAG_BYTES = 32;
/** Of the four threads that Node has for such work two stay free for files, names and compression; and 38 MiB is what it takes. */
const HASHES_MAX = 2;
// In each queue half a second of waiting. A client that comes after that is told to retry, instead of all of them waiting for longer and longer.
const WAITING_MAX = 40;

const PHC = /^\$argon2id\$v=19\$m=(?<memory>\d+),t=(?<passes>\d+),p=(?<parallelism>\d+)\$(?<salt>[A-Za-z0-9+/]+)\$(?<tag>[A-Za-z0-9+/]+)$/;

const derive = promisify(argon2);

export const createPasswords = (): Passwords => {
  let running = 0;
  const waiting: Record<HashQueue, (() => void)[]> = { known: [], others: [] };
  const isBusy = (queue: HashQueue): boolean => running >= HASHES_MAX && waiting[queue].length >= WAITING_MAX;

  const inTurn = async <T>(queue: HashQueue, work: () => Promise<T>): Promise<T> => {
    if (isBusy(queue)) throw new AppError('PASSWORDS_OVERLOADED', 'Too many passwords are being checked.');
    if (running >= HASHES_MAX) await new Promise<void>((resolve) => waiting[queue].push(resolve));
    else running += 1;
    try {
      return await work();
    } finally {
      const next = waiting.known.shift() ?? waiting.others.shift();
      if (next === undefined) running -= 1;
      else next(); // takes over the place
    }
  };

  return {
    isBusy,
    hash: (password) =>
      inTurn('known', async () => {
        const salt = randomBytes(SALT_BYTES);
        return phcOf(salt, await tagOf(password, salt, COST));
      }),
    verify: (password, hash, queue) =>
      inTurn(queue, async () => {
        const { cost, salt, tag } = hash === null ? NOBODY : parsed(hash);
        const matches = timingSafeEqual(await tagOf(password, salt, cost), tag);
        return matches && hash !== null;
      }),
  };
};

interface Cost {
  memory: number;
  passes: number;
  parallelism: number;
}
const NOBODY = { cost: COST, salt: randomBytes(SALT_BYTES), tag: randomBytes(TAG_BYTES) };

/** The same characters typed on another keyboard may have another encoding; NFKC makes them one (NIST SP 800-63B). */
const tagOf = (password: string, nonce: Buffer, cost: Cost): Promise<Buffer> =>
  derive('argon2id', { message: password.normalize('NFKC'), nonce, tagLength: TAG_BYTES, ...cost });

const withoutPadding = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '');

const phcOf = (salt: Buffer, tag: Buffer): string =>
  `$argon2id$v=19$m=${COST.memory},t=${COST.passes},p=${COST.parallelism}$${withoutPadding(salt)}$${withoutPadding(tag)}`;

const parsed = (hash: string): { cost: Cost; salt: Buffer; tag: Buffer } => {
  const groups = PHC.exec(hash)?.groups;
  if (groups === undefined) throw new Error('a stored password hash has a form that is not known');
  const cost = { memory: Number(groups.memory), passes: Number(groups.passes), parallelism: Number(groups.parallelism) };
  return { cost, salt: Buffer.from(groups.salt!, 'base64'), tag: Buffer.from(groups.tag!, 'base64') };
};
