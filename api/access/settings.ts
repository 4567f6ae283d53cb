// api/access/settings.ts: what the variables say about access, checked as a whole.
// No secret has a default value.

import { randomBytes } from 'node:crypto';
import { AppError } from '../../shared/runtime/app-error.ts';
import { isNetwork } from './limits/source.ts';

export interface AccessSettings {
  /** AUTH=required. */
  required: boolean;
  jwtSecret: string | Buffer;
  /** Opens /metrics for a scraper; empty: none does. */
  metricsToken: string;
  /** Requests per second and caller. */
  rateLimitPerSecond: number;
  /** Origins whose pages may call us. */
  corsOrigins: readonly string[];
  /** Addresses and networks whose X-Forwarded-For is believed. */
  trustedProxies: readonly string[];
}

interface Variables {
  AUTH: 'off' | 'required';
  JWT_SECRET: string;
  METRICS_TOKEN: string;
  RATE_LIMIT_PER_SECOND: number;
  CORS_ORIGINS: string;
  TRUSTED_PROXIES: string;
}

// HS256 has 256 bits of strength only with a key of as many (RFC 7518, section 3.2).
const SECRET_BYTES_MIN = 32;

/** Throws CONFIG_INVALID with one sentence. */
export const accessSettings = (variables: Variables): AccessSettings => {
  const { JWT_SECRET: secret } = variables;
  const required = variables.AUTH === 'required';
  if (required && secret === '') {
    throw new AppError(
      'CONFIG_INVALID',
      'AUTH=required needs JWT_SECRET: the same on every instance, for instance `openssl rand -base64 48`.',
    );
  }
  if (secret !== '' && Buffer.byteLength(secret) < SECRET_BYTES_MIN) {
    throw new AppError('CONFIG_INVALID', `JWT_SECRET must have at least ${SECRET_BYTES_MIN} bytes.`);
  }
  return {
    required,
    // With AUTH=off no route asks for tokens; those that are given out are good until this process ends.
    jwtSecret: secret === '' ? randomBytes(SECRET_BYTES_MIN) : secret,
    metricsToken: variables.METRICS_TOKEN,
    rateLimitPerSecond: variables.RATE_LIMIT_PER_SECOND,
    corsOrigins: originsIn(variables.CORS_ORIGINS),
    trustedProxies: networksIn(variables.TRUSTED_PROXIES),
  };
};

const originsIn = (list: string): string[] =>
  entriesOf(list).map((origin) => {
    if (URL.canParse(origin) && new URL(origin).origin === origin) return origin;
    throw new AppError('CONFIG_INVALID', `CORS_ORIGINS has an entry that is no origin like https://shop.example: ${origin}`);
  });

const networksIn = (list: string): string[] =>
  entriesOf(list).map((network) => {
    if (isNetwork(network)) return network;
    throw new AppError('CONFIG_INVALID', `TRUSTED_PROXIES has an entry that is no address or network like 10.0.0.0/8: ${network}`);
  });

const entriesOf = (list: string): string[] =>
  list
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
