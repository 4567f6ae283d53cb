// What a database URL says about TLS, and which URLs are refused. tests/integration/secured shows the modes against a server.

import { expect, it } from 'vitest';
import { databaseConnection } from '../../../../shared/postgres/connection.ts';

const URL = 'postgres://orders:p%40ss@db.example:5432/orders';

it('leaves a URL without TLS as it is, whatever PGSSLMODE says', () => {
  expect(databaseConnection(URL)).toEqual({ url: URL, ssl: false });
  expect(databaseConnection(`${URL}?application_name=a+b%20c`)).toEqual({ url: `${URL}?application_name=a+b%20c`, ssl: false });
  expect(databaseConnection(`${URL}?sslmode=disable`)).toEqual({ url: URL, ssl: false });
});

it('takes what is about TLS out of the URL, so that pg does not read it its own way', () => {
  const { url, ssl } = databaseConnection(`${URL}?sslmode=verify-full&uselibpqcompat=true&options=x`);
  expect(url).toBe(`${URL}?options=x`);
  expect(ssl).toEqual({ rejectUnauthorized: true });
});

it('believes the public authorities where sslrootcert is `system`', () => {
  expect(databaseConnection(`${URL}?sslmode=verify-full&sslrootcert=system`).ssl).toEqual({ rejectUnauthorized: true });
});

it.each([
  ['sslmode=prefer', /sslmode=prefer is not one of/],
  ['sslmode=no-verify', /sslmode=no-verify is not one of/],
  ['sslrootcert=/ca.pem', /no sslmode that uses them/],
  ['sslmode=verify-ca', /needs sslrootcert/],
  ['sslmode=require&sslcert=/cert.pem', /sslcert and sslkey belong together/],
  ['sslmode=verify-full&sslrootcert=/no/such/ca.pem', /sslrootcert cannot be read: ENOENT/],
  ['sslmode=verify-full&sslrootcert=/dev/null', /sslrootcert is not PEM/],
  ['sslmode=require&sslrootcert=system', /sslrootcert=system needs sslmode=verify-full/],
  ['ssl=true', /it says ssl, where only sslmode counts/],
  ['sslnegotiation=direct', /it says sslnegotiation/],
])('refuses ?%s without showing the password', (query, sentence) => {
  const refused = () => databaseConnection(`${URL}?${query}`);
  expect(refused).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringMatching(sentence) }));
  expect(refused).not.toThrow(/ss@|p%40/);
});

it('refuses what is no URL', () => {
  expect(() => databaseConnection('host=localhost dbname=orders')).toThrow('is not a URL');
});
