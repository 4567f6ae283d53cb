// tests/integration/hostile/topic/service-under-attack.ts: the three roles as processes, a way to write bytes into their topics, and what must go on.

import { expect, inject } from 'vitest';
import { rebuildLedger } from '../../../../processor/ledger/rebuild/rebuild.ts';
import { verifyLedger } from '../../../../processor/ledger/verify/verify.ts';
import { rebuild } from '../../../../projector/rebuild/rebuild.ts';
import { verify } from '../../../../projector/verify/verify.ts';
import { partitionOf } from '../../../../shared/log/append/partitioner.ts';
import { createLogClient } from '../../../../shared/log/connect/client.ts';
import { readLetter } from '../../../../shared/log/dead-letters/redriven-letters.ts';
import type { LogRecord } from '../../../../shared/log/log.ts';
import { openDatabase } from '../../../../shared/postgres/database.ts';
import { ARCHIVE_COLUMNS, type ArchiveRow, recordOf } from '../../../../shared/postgres/tables/archive-rows.ts';
import { createLogger } from '../../../../shared/runtime/logger.ts';
import { checkDatabase } from '../../../oracle/checks/check-database.ts';
import { createFindings } from '../../../oracle/findings.ts';
import { foldOrders } from '../../../oracle/fold.ts';
import { evidenceAtRest } from '../../../oracle/oracle.ts';
import { uniqueName } from '../../../support/builders/unique-name.ts';
import { eventually } from '../../../support/eventually.ts';
import { connectRaw } from '../../../support/faults/network/raw-broker.ts';
import { patience } from '../../../support/machine.ts';
import { type Fleet, startFleet } from '../../../support/stack/service/fleet.ts';
import { readAll } from '../../log/log-under-test.ts';

const PARTITIONS = 12;
const REST_LIMIT_MS = patience(30_000);

/** An id that belongs to the partition. */
export const idIn = (partition: number): string => {
  for (;;) {
    const id = uniqueName('o');
    if (partitionOf(id, PARTITIONS) === partition) return id;
  }
};

export const startServiceUnderAttack = async () => {
  const fleet = await startFleet({ ...inject('stack'), env: { PROCESSING_TIME_MS: '100' } });
  const { where } = fleet;
  const raw = await connectRaw(where.kafka);
  const client = createLogClient({ brokers: [where.kafka], clientId: 'tests', logger: createLogger('tests', 'silent') });
  const rows = openDatabase({ url: where.database, schema: where.readModelSchema, applicationName: 'tests', maxConnections: 1 });
  const call = api(fleet);

  /** Submits an order in this partition and follows it on every way by which it can be read. */
  const orderGoesOn = async (partition: number): Promise<void> => {
    const id = idIn(partition);
    const user = uniqueName('u');
    const posted = await call('POST', '/orders', { order_id: id, user_id: user, item_ids: ['5'], total_amount: 10 });
    expect(posted, 'the api has read its own record').toMatchObject({ status: 201 });
    expect(await call('GET', `/orders/${idIn(partition)}`), 'the api has read to the end').toMatchObject({ status: 404 });
    await eventually(async () => (await call('GET', `/orders/${id}`)).body.status === 'completed', { what: 'the processor to go on' });
    const listed = () => call('GET', `/orders?user_id=${user}&status=completed`);
    await eventually(async () => (await listed()).body.orders.length === 1, { what: 'the projector to go on' });
    const history = await call('GET', `/orders/${id}/events`);
    const effects = history.body.events.map(({ effect }: { effect: string }) => effect);
    expect(effects.filter((effect: string) => effect !== 'void')).toEqual(['applied', 'applied', 'applied']); // an append may be repeated
  };

  /** Creates a product in this partition and changes its stock, which the processor answers. */
  const productGoesOn = async (partition: number): Promise<void> => {
    const id = idIn(partition);
    expect(await call('POST', '/products', { product_id: id, name: id, price: 1, stock: 5 })).toMatchObject({ status: 201 });
    expect(await call('GET', `/products/${idIn(partition)}`)).toMatchObject({ status: 404 });
    const changed = () => call('PUT', `/products/${id}/stock`, { stock: 7 });
    await eventually(async () => (await changed()).status === 200, { what: 'the processor to answer about the product' });
    expect((await call('GET', `/products/${id}`)).body).toMatchObject({ stock: 7 });
  };

  const { database: databaseUrl, ordersTopic: topic, productsTopic } = where;
  const inReadModel = { client, topic, databaseUrl, schema: where.readModelSchema };
  const inLedger = { client, topics: { orders: topic, products: productsTopic }, databaseUrl, schema: where.ledgerSchema };
  const agree = async (): Promise<void> => {
    const { database, orders } = await evidenceAtRest(where, [], { timeoutMs: REST_LIMIT_MS });
    const findings = createFindings();
    checkDatabase(database, foldOrders(orders), findings);
    expect(findings.found).toEqual([]);
    expect((await verify(inReadModel)).differences).toEqual([]);
    expect((await verifyLedger(inLedger)).differences).toEqual([]);
  };
  /** No role has ended. Read model, ledger and the oracle agree about the whole log, and so do they once both were rebuilt from it. */
  const everybodyAgrees = async (): Promise<void> => {
    for (const member of fleet.members()) expect(member.starts(), `${member.name}\n${member.output()}`).toBe(1);
    await agree();
    await rebuildLedger(inLedger);
    await rebuild(inReadModel);
    await fleet.untilReady(); // the processor was fenced off, and has started again
    await agree();
  };

  /** The dead letters by `topic/partition@offset` of what they stand for. */
  const letters = async (): Promise<Map<string, { reason: string; letter: LogRecord }>> => {
    const found = new Map<string, { reason: string; letter: LogRecord }>();
    for (const letter of await readAll(client, `${where.ordersTopic}.dead-letter`)) {
      const read = readLetter(letter);
      if (read === null || !('letter' in read)) continue;
      const { topic, partition, offset } = read.letter.origin;
      found.set(`${topic}/${partition}@${offset}`, { reason: read.letter.reason, letter });
    }
    return found;
  };

  const archived = async (partition: number, offset: number): Promise<LogRecord> => {
    const wanted = `SELECT ${ARCHIVE_COLUMNS.join(', ')} FROM events WHERE partition = $1 AND log_offset = $2`;
    const found = await rows.query<ArchiveRow & Record<string, unknown>>(wanted, [partition, offset]);
    return recordOf(where.ordersTopic, found.rows[0]!);
  };

  return {
    fleet,
    where,
    raw,
    client,
    call,
    orderGoesOn,
    productGoesOn,
    everybodyAgrees,
    letters,
    archived,
    stop: async () => {
      raw.close();
      await rows.end();
      await fleet.stop();
    },
  };
};
export type ServiceUnderAttack = Awaited<ReturnType<typeof startServiceUnderAttack>>;

export interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of many shapes.
  body: any;
}

const api =
  (fleet: Fleet) =>
  async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const json = body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const response = await fetch(`${fleet.urls()[0]}${path}`, { method, ...json });
    const text = await response.text();
    return { status: response.status, body: text === '' ? null : JSON.parse(text) };
  };
