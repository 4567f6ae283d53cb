// api/requests/idempotency-key.ts: the header Idempotency-Key, and the order id that is derived from it.
// The header is that of draft-ietf-httpapi-idempotency-key-header. No table remembers keys: the id does.

import { createHash } from 'node:crypto';
import { KEYED_PREFIX } from '../http/ids.ts';
import { Problem, validationFailed } from '../http/problems.ts';

// Printable ASCII, as long as the common implementations allow.
const PRINTABLE = /^[\x20-\x7e]{1,255}$/;
const QUOTED = /^"(?:[^"\\]|\\["\\])*"$/;

/** The key, without the quotes of a quoted one: `"abc"` (draft-07) and `abc` are the same key. Null without a header. */
export const idempotencyKeyOf = (header: unknown): string | null => {
  if (header === undefined) return null;
  if (typeof header !== 'string') throw invalid();
  if (header.startsWith('"') && !QUOTED.test(header)) throw invalid();
  const key = header.startsWith('"') ? header.slice(1, -1).replaceAll(/\\(.)/g, '$1') : header;
  if (!PRINTABLE.test(key)) throw invalid();
  return key;
};

const invalid = (): Problem =>
  validationFailed([{ path: 'header/Idempotency-Key', message: 'must be 1 to 255 printable ASCII characters' }]);

export const keyReused = (): Problem => new Problem('IDEMPOTENCY_KEY_REUSED', 'This Idempotency-Key was used for another command.');

/** The same for the same caller and key, on every instance and for ever. 256 bits: no client can make two keys collide. */
export const keyHash = (caller: string, key: string): string => createHash('sha256').update(`${caller}\0${key}`).digest('base64url');

export const orderIdOfKey = (hash: string): string => `${KEYED_PREFIX}${hash}`;
