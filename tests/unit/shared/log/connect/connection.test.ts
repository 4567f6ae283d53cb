// What the variables about Kafka come to, and which of them do not fit together.

import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { kafkaConnection } from '../../../../../shared/log/connect/connection.ts';
import { createAuthority } from '../../../../support/builders/certificates.ts';

const dir = mkdtempSync(join(tmpdir(), 'order-service-unit-'));
const save = (name: string, content: string): string => {
  writeFileSync(join(dir, name), content);
  return join(dir, name);
};
const authority = createAuthority('Authority');
const { cert, key } = authority.issue('a client');
const ca = save('ca.pem', authority.cert);
const certFile = save('cert.pem', cert);
const keyFile = save('key.pem', key);
const otherKey = save('other-key.pem', authority.issue('another').key);
const notPem = save('not.pem', 'hello');

const NONE = {
  KAFKA_BROKERS: 'kafka-1.example:9092, kafka-2.example:9092',
  KAFKA_TLS: 'off',
  KAFKA_CA_FILE: '',
  KAFKA_CERT_FILE: '',
  KAFKA_KEY_FILE: '',
  KAFKA_SASL_MECHANISM: '',
  KAFKA_SASL_USERNAME: '',
  KAFKA_SASL_PASSWORD: '',
} as const;
type Changes = { [Name in keyof typeof NONE]?: string };
const connection = (changes: Changes) => kafkaConnection({ ...NONE, ...changes } as typeof NONE);
const user = { KAFKA_SASL_USERNAME: 'orders', KAFKA_SASL_PASSWORD: 'secret' };

it('is plain without any of the variables', () => {
  expect(connection({})).toEqual({ brokers: ['kafka-1.example:9092', 'kafka-2.example:9092'] });
});

it('always checks certificates with TLS, and shares one context among connections', () => {
  const { ssl } = connection({ KAFKA_TLS: 'on', KAFKA_CA_FILE: ca, KAFKA_CERT_FILE: certFile, KAFKA_KEY_FILE: keyFile });
  expect(ssl).toMatchObject({ rejectUnauthorized: true, secureContext: expect.anything() });
  expect(connection({ KAFKA_TLS: 'on' }).ssl).toMatchObject({ rejectUnauthorized: true });
});

it.each([
  ['PLAIN', 'plain'],
  ['SCRAM-SHA-256', 'scram-sha-256'],
  ['SCRAM-SHA-512', 'scram-sha-512'],
])('knows the mechanism %s', (name, mechanism) => {
  const { sasl } = connection({ KAFKA_TLS: 'on', KAFKA_SASL_MECHANISM: name, ...user });
  expect(sasl).toEqual({ mechanism, username: 'orders', password: 'secret' });
});

it('sends a password in the clear on this machine only', () => {
  const plain = { KAFKA_SASL_MECHANISM: 'PLAIN', ...user };
  expect(connection({ ...plain, KAFKA_BROKERS: '127.0.0.1:9092,localhost:9093' }).sasl).toMatchObject({ mechanism: 'plain' });
  expect(() => connection({ ...plain, KAFKA_BROKERS: 'localhost:9092,kafka.example:9092' })).toThrow('in the clear');
  expect(connection({ KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512', ...user }).sasl).toBeDefined();
});

it.each<[string, Changes, RegExp]>([
  ['an authority without TLS', { KAFKA_CA_FILE: ca }, /KAFKA_CA_FILE is set, but KAFKA_TLS is off/],
  ['a certificate without its key', { KAFKA_TLS: 'on', KAFKA_CERT_FILE: certFile }, /belong together/],
  ['a key without its certificate', { KAFKA_TLS: 'on', KAFKA_KEY_FILE: keyFile }, /belong together/],
  ['a key of another certificate', { KAFKA_TLS: 'on', KAFKA_CERT_FILE: certFile, KAFKA_KEY_FILE: otherKey }, /cannot be used: .*key/],
  ['a file that is missing', { KAFKA_TLS: 'on', KAFKA_CA_FILE: join(dir, 'none.pem') }, /KAFKA_CA_FILE .* cannot be read: ENOENT/],
  ['a file of something else', { KAFKA_TLS: 'on', KAFKA_CA_FILE: notPem }, /KAFKA_CA_FILE names a file that is not PEM/],
  ['a password without a mechanism', { KAFKA_SASL_PASSWORD: 'secret' }, /needs KAFKA_SASL_MECHANISM/],
  ['a mechanism without a user', { KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512' }, /needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD/],
])('refuses %s', (_, changes, sentence) => {
  expect(() => connection(changes)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringMatching(sentence) }));
});
