// The service against a broker with SASL over TLS and a database that takes TLS only.
// And what it says when it cannot connect. Everything here is made for this file: authority, certificates, user, servers.

import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createAppender } from '../../../shared/log/append/appender.ts';
import { createLogClient, type LogClient } from '../../../shared/log/connect/client.ts';
import { kafkaConnection } from '../../../shared/log/connect/connection.ts';
import { ensureTopics } from '../../../shared/log/topics/topics.ts';
import { openDatabase } from '../../../shared/postgres/database.ts';
import type { KafkaSecurity } from '../../../shared/runtime/config.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';
import { uniqueName } from '../../support/builders/unique-name.ts';
import { eventually } from '../../support/eventually.ts';
import { patience } from '../../support/machine.ts';
import { SESSION_MS, type SecuredEnvironment, startSecuredEnvironment } from '../../support/stack/secured-environment.ts';
import { ordersCli } from '../../support/stack/service/orders-cli.ts';
import { type RoleName, startRole } from '../../support/stack/service/role-process.ts';
import { type Service, startService } from '../../support/stack/service/service.ts';

// Whoever cannot get in is told so at once; what waits for a broker that is starting takes a minute.
const AT_ONCE_MS = patience(10_000);

let environment: SecuredEnvironment;
let secured: KafkaSecurity & { KAFKA_BROKERS: string };
let service: Service;
let startedAt: number;

beforeAll(async () => {
  environment = await startSecuredEnvironment();
  secured = {
    KAFKA_BROKERS: environment.kafka.secured,
    KAFKA_TLS: 'on',
    KAFKA_CA_FILE: environment.files.ca,
    KAFKA_CERT_FILE: '',
    KAFKA_KEY_FILE: '',
    KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512',
    KAFKA_SASL_USERNAME: environment.credentials.username,
    KAFKA_SASL_PASSWORD: environment.credentials.password,
  };
  startedAt = performance.now();
  service = await startService({ ...secured, DATABASE_URL: verified(), PROCESSING_TIME_MS: '100' });
});
afterAll(async () => {
  await Promise.all(Object.values(service?.roles ?? {}).map((role) => role.stop()));
  await environment?.stop();
});

const verified = (): string => `${environment.database}?sslmode=verify-full&sslrootcert=${environment.files.ca}`;
const silent = createLogger('tests', 'silent');
const clientOf = (changes: Partial<typeof secured>): LogClient =>
  createLogClient({ ...kafkaConnection({ ...secured, ...changes }), clientId: 'tests', logger: silent });
const order = { user_id: 1, item_ids: [5], total_amount: 9.5 };

describe('with Kafka and PostgreSQL secured', () => {
  it('takes an order through all three roles, and the operator verifies it', async () => {
    const { status, body } = await service.post(order);
    expect(status).toBe(201);
    await service.completed(String(body.order_id));
    const database = openDatabase({ url: verified(), schema: 'public', applicationName: 'tests', maxConnections: 1 });
    const { rows } = await database.query<{ name: string; plain: boolean }>(
      "SELECT application_name AS name, bool_or(NOT ssl) AS plain FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'orders' GROUP BY 1",
    );
    await database.end();
    expect(rows.map(({ name }) => name)).toEqual(expect.arrayContaining(['orders-api', 'processor-ledger', 'projector']));
    expect(rows.filter(({ plain }) => plain)).toEqual([]);
    await eventually(async () => (await ordersCli(['verify'], { ...service.env, DATABASE_URL: verified() })).code === 0, {
      what: 'the read model to be as the log says',
    });
  });

  it.each(['SCRAM-SHA-256', 'SCRAM-SHA-512', 'PLAIN'] as const)('appends with %s', async (mechanism) => {
    await append(clientOf({ KAFKA_SASL_MECHANISM: mechanism }));
  });

  it('appends with a certificate of its own where the broker asks for one', async () => {
    const { clientCert, clientKey } = environment.files;
    const noSasl = { KAFKA_SASL_MECHANISM: '', KAFKA_SASL_USERNAME: '', KAFKA_SASL_PASSWORD: '' } as const;
    const withCertificate = { KAFKA_BROKERS: environment.kafka.mutual, KAFKA_CERT_FILE: clientCert, KAFKA_KEY_FILE: clientKey };
    await append(clientOf({ ...noSasl, ...withCertificate }));
  });

  it.each(['disable', 'require', 'verify-ca', 'verify-full'])('takes sslmode=%s as libpq does', async (mode) => {
    const byAddress = environment.database.replace('@localhost:', '@127.0.0.1:');
    const outcomes = [
      await query(`${environment.database}?sslmode=${mode}`),
      await query(`${environment.database}?sslmode=${mode}&sslrootcert=${environment.files.ca}`),
      await query(`${byAddress}?sslmode=${mode}&sslrootcert=${environment.files.ca}`),
      await query(`${environment.database}?sslmode=${mode}&sslrootcert=${environment.files.otherCa}`),
    ];
    expect(outcomes.map((error) => error?.code ?? 'connected')).toEqual(
      {
        disable: ['SECURITY_MISMATCH', 'CONFIG_INVALID', 'CONFIG_INVALID', 'CONFIG_INVALID'],
        require: ['connected', 'connected', 'connected', 'SECURITY_MISMATCH'],
        'verify-ca': ['CONFIG_INVALID', 'connected', 'connected', 'SECURITY_MISMATCH'],
        'verify-full': ['SECURITY_MISMATCH', 'connected', 'SECURITY_MISMATCH', 'SECURITY_MISMATCH'],
      }[mode],
    );
  });
});

describe('at the start, one sentence says why we cannot connect to Kafka', () => {
  const none = { KAFKA_SASL_MECHANISM: '', KAFKA_SASL_USERNAME: '', KAFKA_SASL_PASSWORD: '' } as const;
  const cases: [string, () => Partial<typeof secured>, RegExp][] = [
    ['a wrong password', () => ({ KAFKA_SASL_PASSWORD: 'wrong' }), /SASL SCRAM SHA512 authentication failed: .*invalid credentials/],
    [
      'a wrong password with PLAIN',
      () => ({ KAFKA_SASL_MECHANISM: 'PLAIN', KAFKA_SASL_PASSWORD: 'wrong' }),
      /SASL PLAIN authentication failed/,
    ],
    ['an authority that is not ours', () => ({ KAFKA_CA_FILE: environment.files.otherCa }), /certificate/],
    ['a host name that is not in the certificate', () => ({ KAFKA_BROKERS: address('127.0.0.1') }), /127\.0\.0\.1/],
    ['no TLS on a port with TLS', () => ({ KAFKA_TLS: 'off', KAFKA_CA_FILE: '' }), /it speaks TLS there: set KAFKA_TLS=on\.$/],
    ['neither TLS nor SASL', () => ({ ...none, KAFKA_TLS: 'off', KAFKA_CA_FILE: '' }), /it speaks TLS there: set KAFKA_TLS=on\.$/],
    ['TLS on a port without', () => ({ KAFKA_BROKERS: environment.kafka.plain }), /it does not speak TLS there: leave KAFKA_TLS out\.$/],
    ['no SASL on a port with SASL', () => none, /it asks for credentials there: set KAFKA_SASL_MECHANISM\.$/],
    [
      'SASL on a port without',
      () => ({ KAFKA_BROKERS: environment.kafka.plain, KAFKA_TLS: 'off', KAFKA_CA_FILE: '' }),
      /it does not use SASL there/,
    ],
    ['no certificate where one is asked for', () => ({ ...none, KAFKA_BROKERS: environment.kafka.mutual }), /certificate/i],
  ];
  const address = (host: string) => environment.kafka.secured.replace('localhost', host);

  it.concurrent.each(cases)('%s', { timeout: AT_ONCE_MS }, async (_, changes, sentence) => {
    const refused = ensureTopics({
      client: clientOf(changes()),
      topics: [{ name: 'any', partitions: 1 }],
      replicationFactor: 1,
      minInsyncReplicas: 1,
    });
    await expect(refused).rejects.toMatchObject({ code: 'SECURITY_MISMATCH', message: expect.stringMatching(sentence) });
  });
});

describe('at the start, one sentence says why we cannot connect to PostgreSQL', () => {
  const cases: [string, () => string, RegExp][] = [
    ['a wrong password', () => verified().replace(/:[^:@]+@/, ':wrong@'), /password authentication failed for user "orders"\.$/],
    ['no TLS where it is asked for', () => environment.database, /no encryption\.$/],
    ['TLS where there is none', () => `${inject('stack').database}?sslmode=require`, /does not support SSL connections\.$/],
  ];
  it.each(cases)('%s', { timeout: AT_ONCE_MS }, async (_, url, sentence) => {
    expect(await query(url())).toMatchObject({ code: 'SECURITY_MISMATCH', message: expect.stringMatching(sentence) });
  });
});

describe('a role or tool that is not let in', () => {
  const unknownAuthority = () => ({ KAFKA_CA_FILE: environment.files.otherCa });
  const wrongDatabase = () => ({ DATABASE_URL: verified().replace(/:[^:@]+@/, ':wrong@') });
  const cases: [RoleName, string, () => Record<string, string>][] = [
    ['api', 'by PostgreSQL', wrongDatabase],
    ['processor', 'by PostgreSQL', wrongDatabase],
    ['projector', 'by PostgreSQL', wrongDatabase],
    ['projector', 'by Kafka', unknownAuthority],
  ];
  it.concurrent.each(cases)('ends: the %s, %s', { timeout: 2 * AT_ONCE_MS }, async (role, _, changes) => {
    const start = startRole(role, { ...service.env, ...changes() });
    await expect(start).rejects.toThrow(/ended before it was ready.*"code":"SECURITY_MISMATCH"/s);
  });

  it('says so: the command line', async () => {
    const { code, stderr } = await ordersCli(['dead-letters'], { ...service.env, KAFKA_SASL_PASSWORD: 'wrong' });
    expect(code).toBe(1);
    expect(stderr).toMatch(/Cannot connect to Kafka: .*authentication failed/);
    expect(stderr).not.toContain('\n    at ');
  });
});

describe('a session that the broker limits', () => {
  it('is renewed on connections in use and idle, without an error', async () => {
    const remaining = SESSION_MS + 1_000 - (performance.now() - startedAt);
    // The broker's clock is what is waited for here: whoever has not proved again who they are is cut when it has run out.
    if (remaining > 0) await new Promise((resolve) => setTimeout(resolve, remaining));
    const { status, body } = await service.post(order);
    expect(status).toBe(201);
    await service.completed(String(body.order_id));
    const warnings = Object.values(service.roles).map((role) => role.output());
    expect(warnings.join('')).toBe('');
  });
});

const append = async (client: LogClient): Promise<void> => {
  const topic = uniqueName('topic');
  await ensureTopics({ client, topics: [{ name: topic, partitions: 1 }], replicationFactor: 1, minInsyncReplicas: 1 });
  const appender = createAppender({ client, partitionCounts: new Map([[topic, 1]]) });
  appender.start();
  try {
    expect(await appender.append({ topic, key: 'a', value: 'a', headers: { ce_id: 'a' } })).toMatchObject({ partition: 0, offset: 0 });
  } finally {
    await appender.stop();
  }
};

/** How a first query fails, or null. */
const query = async (url: string): Promise<(Error & { code?: string }) | null> => {
  try {
    const database = openDatabase({ url, schema: 'public', applicationName: 'tests', maxConnections: 1 });
    await database.query('SELECT 1').finally(database.end);
    return null;
  } catch (error) {
    return error as Error;
  }
};
