// api/access/client-secrets.ts: ids and secrets of api clients.
// A secret has 256 random bits, so one fast hash is as good as a slow one: it cannot be guessed, and a check costs a microsecond.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

const ID_BYTES = 10;
const SECRET_BYTES = 32;
const CLIENT_ID = /^c_[0-9a-f]{20}$/;

export const newClientId = (): string => `c_${randomBytes(ID_BYTES).toString('hex')}`;
export const isClientId = (id: string): boolean => CLIENT_ID.test(id);

export const newSecret = (): string => randomBytes(SECRET_BYTES).toString('base64url');
export const secretHash = (secret: string): Buffer => createHash('sha256').update(secret).digest();

/** In the same time whatever is different. */
export const isSecret = (secret: string, hash: Buffer): boolean => timingSafeEqual(secretHash(secret), hash);
