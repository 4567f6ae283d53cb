// shared/postgres/connection.ts: what a database URL says about TLS, with libpq's meaning of sslmode, sslrootcert, sslcert and
// sslkey. pg's own differs (it takes `require` for `verify-full`, and reads PGSSLMODE), so it never sees them.

import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions, type ConnectionOptions as TlsOptions } from 'node:tls';
import { AppError } from '../runtime/app-error.ts';

export interface DatabaseConnection {
  /** Without what is in `ssl`. */
  url: string;
  ssl: false | TlsOptions;
}

const MODES = ['disable', 'require', 'verify-ca', 'verify-full'];
const FILES = { sslrootcert: 'ca', sslcert: 'cert', sslkey: 'key' } as const;
const TLS_PARAMETERS = ['sslmode', 'uselibpqcompat', ...Object.keys(FILES)];
const FOREIGN_PARAMETERS = ['ssl', 'sslnegotiation']; // pg's own, which would replace all of this
const SYSTEM = 'system'; // libpq's word for the authorities that the machine knows; here those that Node knows

/** Throws CONFIG_INVALID with one sentence, never with the password in it. */
export const databaseConnection = (databaseUrl: string): DatabaseConnection => {
  if (!URL.canParse(databaseUrl)) refuse('it is not a URL like postgres://USER:PASSWORD@HOST:5432/DATABASE');
  const url = new URL(databaseUrl);
  const given = (name: string): string => url.searchParams.get(name) ?? '';
  for (const name of FOREIGN_PARAMETERS) if (given(name) !== '') refuse(`it says ${name}, where only sslmode counts`);
  const mode = given('sslmode') || 'disable';
  // `prefer` and `allow` go on without TLS when a machine in between wants them to; libpq's default all the same.
  if (!MODES.includes(mode)) refuse(`sslmode=${mode} is not one of ${MODES.join(', ')}`);
  if (mode === 'disable' && Object.keys(FILES).some(given)) refuse('it names certificates, but no sslmode that uses them');
  if (mode === 'verify-ca' && ['', SYSTEM].includes(given('sslrootcert'))) refuse('sslmode=verify-ca needs sslrootcert, a file');
  if (given('sslrootcert') === SYSTEM && mode !== 'verify-full') refuse('sslrootcert=system needs sslmode=verify-full');
  if ((given('sslcert') === '') !== (given('sslkey') === '')) refuse('sslcert and sslkey belong together');
  const ssl = mode === 'disable' ? false : tlsOptions(mode, given);
  for (const name of TLS_PARAMETERS) if (url.searchParams.has(name)) url.searchParams.delete(name);
  return { url: url.href, ssl };
};

const tlsOptions = (mode: string, given: (name: string) => string): TlsOptions => {
  const files: SecureContextOptions = {};
  for (const [parameter, option] of Object.entries(FILES)) {
    const path = given(parameter);
    if (path !== '' && path !== SYSTEM) files[option] = contentOf(parameter, path);
  }
  try {
    createSecureContext(files); // now, not at the first connection
  } catch (error) {
    refuse(`its certificates cannot be used: ${(error as Error).message}`, error);
  }
  if (mode === 'verify-full') return { ...files, rejectUnauthorized: true };
  // As in libpq: with an authority at hand `require` is `verify-ca`, and neither looks at the name in the certificate.
  if (files.ca !== undefined) return { ...files, rejectUnauthorized: true, checkServerIdentity: () => undefined };
  return { ...files, rejectUnauthorized: false };
};

const contentOf = (parameter: string, path: string): string => {
  try {
    const content = readFileSync(path, 'utf8');
    // Without this a file that holds something else would be no authority at all, and every server unknown.
    return content.includes('-----BEGIN ') ? content : refuse(`${parameter} is not PEM`);
  } catch (error) {
    if (error instanceof AppError) throw error;
    return refuse(`${parameter} cannot be read: ${(error as Error).message}`, error);
  }
};

const refuse = (reason: string, cause?: unknown): never => {
  throw new AppError('CONFIG_INVALID', `DATABASE_URL cannot be used: ${reason}.`, cause);
};
