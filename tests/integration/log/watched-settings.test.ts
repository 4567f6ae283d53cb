// Goal: what endangers the log while roles run is known before it costs records: in the readiness, in the metrics, in the log.
// Method: a real broker; a watch with a short interval behind a role's own server, and a whole service with the interval that it has.

import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { type LogClient, openSocket } from '../../../shared/log/connect/client.ts';
import { deadLetterTopicOf } from '../../../shared/log/dead-letters/dead-letters.ts';
import { logEnd } from '../../../shared/log/topics/offsets.ts';
import { openTopics } from '../../../shared/log/topics/open-topics.ts';
import { ensureTopics } from '../../../shared/log/topics/topics.ts';
import type { TopicsWatch } from '../../../shared/log/topics/watch-topics.ts';
import { openDatabase } from '../../../shared/postgres/database.ts';
import type { HealthReport } from '../../../shared/runtime/health.ts';
import { createRoleServer, type RoleServer } from '../../../shared/runtime/role-server.ts';
import { uniqueName } from '../../support/builders/unique-name.ts';
import { eventually } from '../../support/eventually.ts';
import { parseAddress, startFaultProxy } from '../../support/faults/network/fault-proxy.ts';
import { setTopic } from '../../support/faults/topic-setting.ts';
import { ordersCli } from '../../support/stack/service/orders-cli.ts';
import type { RoleProcess } from '../../support/stack/service/role-process.ts';
import { type Service, startService } from '../../support/stack/service/service.ts';
import { addPartitions, appendTo, broker, clientUnderTest, cutOff, newTopic } from './log-under-test.ts';

const PARTITIONS = 3;
const INTERVAL_MS = 100;
// What is promised; most of it is the interval of a minute.
const KNOWN_WITHIN_MS = 120_000;

let client: LogClient;
beforeEach(() => {
  client = clientUnderTest();
});

const setTo = (name: string, setting: string, value: string): Promise<void> => setTopic(client, name, { setting, value });
const readinessAt = async (url: string): Promise<HealthReport> => (await (await fetch(`${url}/health/ready`)).json()) as HealthReport;
const detailAt = async (url: string): Promise<string | null> => (await readinessAt(url)).checks.log_settings?.detail ?? null;
const seriesAt = async (url: string): Promise<string[]> =>
  (await (await fetch(`${url}/metrics`)).text()).split('\n').filter((line) => /^log_(setting_differs|deleted_records)\{/.test(line));
const raisedAt = async (url: string): Promise<string[]> => (await seriesAt(url)).filter((line) => !line.endsWith(' 0'));

describe('a watched topic', () => {
  let topic: string;
  let watch: TopicsWatch;
  let server: RoleServer;
  let url: string;
  let lines: string[];

  const startWatch = async (watching: LogClient): Promise<void> => {
    const registry = new Registry();
    const topics = [{ name: topic, partitions: PARTITIONS }];
    const level = (name: string) => (_: object, message: string) => void lines.push(`${name} ${message}`);
    const logger = { debug: () => {}, info: level('info'), warn: level('warn'), error: level('error') };
    watch = await openTopics({
      client: { ...watching, logger },
      registry,
      topics,
      replicationFactor: 1,
      minInsyncReplicas: 1,
      intervalMs: INTERVAL_MS,
    });
    server = createRoleServer({ host: '127.0.0.1', port: 0, registry, metricsToken: null, checks: { log_settings: watch.check } });
    await server.start();
    url = `http://127.0.0.1:${server.port()}`;
  };
  beforeEach(async () => {
    lines = [];
    topic = await newTopic(client, PARTITIONS);
  });
  afterEach(async () => {
    watch.stop();
    await server.stop();
  });

  test('is as wanted: ready, and every series is there and 0', async () => {
    await startWatch(client);
    expect(await readinessAt(url)).toEqual({ status: 'ok', checks: { log_settings: { ok: true } } });
    expect(await seriesAt(url)).toHaveLength(9);
    expect(await raisedAt(url)).toEqual([]);
  });

  test.each([
    ['retention.ms', '86400000', '-1'],
    ['retention.bytes', '1000000', '-1'],
    ['cleanup.policy', 'compact', 'delete'],
    ['min.insync.replicas', '2', '1'],
  ])('whose %s becomes %s makes its role unready, until it is set back', async (setting, value, wanted) => {
    await startWatch(client);
    await setTo(topic, setting, value);
    const detail = await eventually(() => detailAt(url), { what: 'a role that is not ready' });
    expect(detail).toContain(`${topic}: ${setting} is ${value}, wanted ${wanted}.`);
    expect(detail).toContain(`--entity-name ${topic} --add-config ${setting}=${wanted}`);
    expect((await fetch(`${url}/health/ready`)).status).toBe(503);
    expect(await raisedAt(url)).toEqual([`log_setting_differs{topic="${topic}",setting="${setting}"} 1`]);
    await setTo(topic, setting, wanted);
    await eventually(async () => (await readinessAt(url)).status === 'ok', { what: 'the role to be ready again' });
    expect(await raisedAt(url)).toEqual([]);
    expect(lines).toEqual([`error ${detail}`, `info ${topic}: ${setting} is as wanted again`]);
  });

  test('whose beginning is deleted makes its role unready, with the numbers, also one that starts afterwards', async () => {
    await appendTo(client, topic, [0, 0, 0, 2]);
    await startWatch(client);
    await cutOff(client, topic, 0, 2);
    const detail = await eventually(() => detailAt(url), { what: 'a role that is not ready' });
    expect(detail).toContain(`${topic}: 2 records were deleted from its beginning (${topic}/0 begins at 2).`);
    expect(await raisedAt(url)).toEqual([`log_deleted_records{topic="${topic}"} 2`]);
    watch.stop();
    await server.stop();
    await startWatch(client); // it does start: what is left can be read
    expect(await detailAt(url)).toBe(detail);
  });

  test('that gets more partitions is a warning, also for a role that starts, until something stands in them', async () => {
    await startWatch(client);
    await addPartitions(client, topic, PARTITIONS + 2);
    const more = `log_setting_differs{topic="${topic}",setting="extra_partitions"} 1`;
    await eventually(async () => (await raisedAt(url)).includes(more), { what: 'the warning' });
    expect(await readinessAt(url)).toEqual({ status: 'ok', checks: { log_settings: { ok: true } } });
    // A look may come before the new partitions have leaders: that is no news.
    const news = lines.filter((line) => !line.startsWith('info '));
    expect(news).toEqual([expect.stringMatching(/^warn .*partitions is 5, wanted 3; the others are empty\./)]);
    watch.stop();
    await server.stop();
    await startWatch(client);
    expect(await raisedAt(url)).toEqual([more]);
    await appendTo(client, topic, [4, 4]);
    const detail = await eventually(() => detailAt(url), { what: 'a role that is not ready' });
    expect(detail).toContain(`partitions is 5, wanted 3; the others hold 2 records (2 in ${topic}/4).`);
    expect(await raisedAt(url)).toEqual([`log_setting_differs{topic="${topic}",setting="partitions"} 1`]);
    const refused = ensureTopics({ client, topics: [{ name: topic, partitions: PARTITIONS }], replicationFactor: 1, minInsyncReplicas: 1 });
    await expect(refused).rejects.toMatchObject({
      code: 'TOPIC_MISCONFIGURED',
      message: expect.stringContaining('the others hold 2 records'),
    });
  });

  test('that cannot be asked, because the broker is away, does not differ; what it became meanwhile is known afterwards', async () => {
    const proxy = await startFaultProxy(broker());
    const through = parseAddress(proxy.address);
    try {
      await startWatch(clientUnderTest({ socketFactory: (args) => openSocket({ ...args, ...through }) }));
      proxy.refuse();
      await eventually(() => lines.includes('warn watching the settings of the topics fails; trying again'), {
        what: 'the line in the log',
      });
      await setTo(topic, 'retention.ms', '86400000');
      expect(await detailAt(url)).toBeNull();
      proxy.heal();
      await eventually(async () => (await detailAt(url))?.includes('retention.ms is 86400000'), { what: 'a role that is not ready' });
      expect(lines.filter((line) => line.includes('fails'))).toHaveLength(1);
    } finally {
      await proxy.stop();
    }
  });
});

describe('a service', () => {
  const names = { ORDERS_TOPIC: uniqueName('orders'), PRODUCTS_TOPIC: uniqueName('products') };
  const { ORDERS_TOPIC: orders, PRODUCTS_TOPIC: products } = names;
  let service: Service | null = null;
  const database = openDatabase({ url: inject('stack').database, schema: 'public', applicationName: 'tests', maxConnections: 1 });
  afterAll(async () => {
    await service?.stop();
    await database.end();
  });

  const orderCompletes = async (): Promise<string> => {
    const { status, body } = await service!.post({ user_id: 1, item_ids: [1], total_amount: 1 });
    expect(status).toBe(201);
    return (await service!.completed(String(body.order_id))).order_id;
  };
  const historyOf = async (orderId: string): Promise<unknown[]> =>
    (await service!.get(`/orders/${orderId}/events`)).body.events as unknown[];
  /** How many partitions the projector knows, and how many records it has stored. */
  const stored = async (): Promise<{ partitions: number; records: number }> => {
    const { rows } = await database.query<{ partitions: string; records: string }>(
      `SELECT count(*) AS partitions, sum(next_offset) AS records FROM ${service!.env.READ_MODEL_SCHEMA}.checkpoints`,
    );
    return { partitions: Number(rows[0]!.partitions), records: Number(rows[0]!.records) };
  };
  const everyRole = (): RoleProcess[] => Object.values(service!.roles);

  test('starts and works on topics with more partitions than configured, and knows within two minutes what happens to them', async () => {
    const topics = [orders, products].map((name) => ({ name, partitions: 12 }));
    await ensureTopics({ client, topics, replicationFactor: 1, minInsyncReplicas: 1 });
    await Promise.all([addPartitions(client, orders, 14), addPartitions(client, products, 13)]);
    service = await startService({ ...names, PROCESSING_TIME_MS: '100' });
    const orderId = await orderCompletes();
    for (const { output } of everyRole()) expect(output()).toContain(`${orders}: partitions is 14, wanted 12; the others are empty.`);
    expect(await raisedAt(service.roles.projector.url)).toEqual([`log_setting_differs{topic="${orders}",setting="extra_partitions"} 1`]);
    await eventually(async () => (await stored()).records === 3, { what: 'the order to be stored' });
    expect((await stored()).partitions).toBe(12); // nothing remembers that there were more
    const verified = await ordersCli(['verify'], service.env);
    expect(verified.stdout + verified.stderr).toContain('No difference: 1 orders from 3 events');
    expect(verified.code).toBe(0);

    // All at once: the interval is a minute.
    await appendTo(client, orders, [13]);
    const refused = await ordersCli(['verify'], service.env);
    expect(refused.stdout + refused.stderr).toContain(`the others hold 1 record (1 in ${orders}/13). Run this with the ORDERS_PARTITIONS`);
    expect(refused.code).toBe(1);
    for (const [partition, { high }] of await logEnd(client, orders)) {
      if (partition < 12 && high > 0) await cutOff(client, orders, partition, high); // as the retention would
    }
    await setTo(orders, 'retention.ms', '864000000');
    await setTo(products, 'retention.bytes', '100000000');
    await setTo(deadLetterTopicOf(orders), 'cleanup.policy', 'compact');
    const says = (role: RoleProcess, ...sentences: string[]) =>
      eventually(async () => ((detail) => sentences.every((sentence) => detail?.includes(sentence)))(await detailAt(role.url)), {
        what: `${sentences.join(', ')} at ${role.url}`,
        timeoutMs: KNOWN_WITHIN_MS,
      });
    const retention = `${orders}: retention.ms is 864000000, wanted -1.`;
    const foreign = `${orders}: partitions is 14, wanted 12; the others hold 1 record`;
    const deleted = `${orders}: 3 records were deleted from its beginning`;
    const bytes = `${products}: retention.bytes is 100000000, wanted -1.`;
    const letters = `${deadLetterTopicOf(orders)}: cleanup.policy is compact, wanted delete.`;
    const { api, processor, projector } = service.roles;
    await Promise.all([
      says(api, retention, foreign, deleted, bytes),
      says(processor, retention, foreign, deleted, bytes, letters),
      says(projector, retention, foreign, deleted, letters),
    ]);
    for (const { url } of everyRole()) expect((await fetch(`${url}/health/ready`)).status).toBe(503);
    // Not ready says that somebody has to look. It stops nothing, and the archive has what was deleted.
    expect(await historyOf(orderId)).toHaveLength(3);
    expect(await historyOf(await orderCompletes())).toHaveLength(3);
  });
});
