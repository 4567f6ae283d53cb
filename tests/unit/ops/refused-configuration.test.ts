// A role whose configuration is refused.
// One line that says what is wrong, no stack, and an exit code that tells a supervisor not to try again.

import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isRefusedConfiguration } from '../../../shared/runtime/app-error.ts';

const CHECKOUT = resolve(import.meta.dirname, '..', '..', '..');
const EX_CONFIG = 78;
// Nothing listens there; a role that got as far as to connect would not end in time.
const GOOD = { KAFKA_BROKERS: '127.0.0.1:1', DATABASE_URL: 'postgres://orders:secret@127.0.0.1:1/orders', AUTH: 'off', PORT: '0' };
const ROLES = ['api', 'processor', 'projector'] as const;
type Role = (typeof ROLES)[number];
type Variables = Record<string, string | undefined>;

const end = (role: Role, env: Variables) => {
  const { PATH, HOME, TMPDIR } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(CHECKOUT, role, 'main.ts')], {
    env: { PATH, HOME, TMPDIR, ...GOOD, ...env },
    encoding: 'utf8',
  });
  return {
    status,
    stderr,
    lines: stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>),
  };
};

describe('a refused configuration', () => {
  const cases: [Role, string, Variables, RegExp][] = [
    ...ROLES.map((role): [Role, string, Variables, RegExp] => [
      role,
      'a variable that is missing',
      { KAFKA_BROKERS: undefined },
      /^The configuration is not valid: KAFKA_BROKERS is missing\.$/,
    ]),
    ...ROLES.map((role): [Role, string, Variables, RegExp] => [
      role,
      'a TLS file that is not there',
      { KAFKA_TLS: 'on', KAFKA_CA_FILE: '/no/such/file.pem' },
      /^KAFKA_CA_FILE names a file that cannot be read/,
    ]),
    [
      'projector',
      'several variables',
      { ORDERS_PARTITIONS: 'many', CURRENCY: '$' },
      /ORDERS_PARTITIONS must be integer, CURRENCY must match/,
    ],
    ['processor', 'a number above its limit', { PROCESSOR_CONCURRENCY: '2000000' }, /: PROCESSOR_CONCURRENCY must be <= 1000000\.$/],
    [
      'processor',
      'AUTH=off for others, under LOG_LEVEL=silent',
      { HOST: '0.0.0.0', LOG_LEVEL: 'silent' },
      /^AUTH=off serves loopback only/,
    ],
    ['processor', 'fulfilment by HTTP without a URL', { FULFILMENT: 'http' }, /^FULFILMENT=http needs FULFILMENT_URL\.$/],
    [
      'processor',
      'a URL of fulfilment without the switch',
      { FULFILMENT_URL: 'http://127.0.0.1:1/fulfil' },
      /^FULFILMENT_URL is set, but FULFILMENT is timed: set FULFILMENT=http, or remove FULFILMENT_URL\.$/,
    ],
    [
      'processor',
      'a URL of fulfilment that is none',
      { FULFILMENT: 'http', FULFILMENT_URL: 'http://[' },
      /^FULFILMENT_URL is not a URL\.$/,
    ],
    ['processor', 'another word for fulfilment', { FULFILMENT: 'https' }, /: FULFILMENT must be/],
    ['api', 'a URL of the database that is none', { DATABASE_URL: 'postgres//orders' }, /^DATABASE_URL cannot be used/],
    ['api', 'AUTH=required without a key', { AUTH: 'required' }, /^AUTH=required needs JWT_SECRET/],
  ];

  it.each(cases)('ends the %s with one line and code 78: %s', (role, _, env, sentence) => {
    const { status, lines, stderr } = end(role, env);
    expect(stderr).toBe('');
    expect(lines).toEqual([expect.objectContaining({ level: 60, role, code: 'CONFIG_INVALID', msg: expect.stringMatching(sentence) })]);
    expect(lines[0]).not.toHaveProperty('err'); // and so no stack
    expect(status).toBe(EX_CONFIG);
  });

  it('is what only a person can change, not what passes by itself', () => {
    const codes = ['CONFIG_INVALID', 'TOPIC_MISCONFIGURED', 'SECURITY_MISMATCH', 'LOG_MISMATCH'];
    expect(codes.filter(isRefusedConfiguration)).toEqual(codes);
    expect(['LOG_UNAVAILABLE', 'DATABASE_UNAVAILABLE', 'LOG_GAP', 'LEDGER_FENCED'].filter(isRefusedConfiguration)).toEqual([]);
  });
});
