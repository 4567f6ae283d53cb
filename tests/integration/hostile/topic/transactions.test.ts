// Transactions of another program in our topics, by a client that can write them: open for good, committed, aborted.
// Whatever becomes of a transaction, nothing of it has an effect, and nothing waits for its end.

import { Kafka, logLevel, type Producer, type Transaction } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { uniqueName } from '../../../support/builders/unique-name.ts';
import { eventually } from '../../../support/eventually.ts';
import { FOREIGN_ORDER, foreignHeaders } from './foreign-events.ts';
import { idIn, type ServiceUnderAttack, startServiceUnderAttack } from './service-under-attack.ts';

const TRANSACTION_TIMEOUT_MS = 900_000; // the broker's limit: it stays open for as long as this test may take

let service: ServiceUnderAttack;
let kafka: Kafka;
const producers: Producer[] = [];
beforeAll(async () => {
  service = await startServiceUnderAttack();
  kafka = new Kafka({ clientId: 'foreign', brokers: inject('stack').kafka.split(','), logLevel: logLevel.NOTHING });
});
afterAll(async () => {
  await Promise.all(producers.map((producer) => producer.disconnect()));
  await service?.stop();
});

const begin = async (): Promise<Transaction> => {
  const transactionalId = uniqueName('tx');
  const producer = kafka.producer({
    transactionalId,
    idempotent: true,
    maxInFlightRequests: 1,
    transactionTimeout: TRANSACTION_TIMEOUT_MS,
  });
  producers.push(producer);
  await producer.connect();
  return producer.transaction();
};

/** An event that everybody would take, were it not in a transaction. Resolves with its offset. */
const write = async (transaction: Transaction, orderId: string, partition: number): Promise<number> => {
  const value = JSON.stringify(FOREIGN_ORDER);
  const headers = foreignHeaders('orders.OrderCreated', orderId, { ce_orderversion: '1' });
  const [sent] = await transaction.send({ topic: service.where.ordersTopic, messages: [{ key: orderId, partition, value, headers }] });
  return Number(sent!.baseOffset);
};
const setAside = (partition: number, offset: number) =>
  eventually(async () => (await service.letters()).get(`${service.where.ordersTopic}/${partition}@${offset}`)?.reason, {
    what: 'the dead letter',
  });

describe('a transaction of another program', () => {
  it('that is open hides no order that comes after it', async () => {
    const [transaction, id] = [await begin(), idIn(0)];
    const offset = await write(transaction, id, 0);
    await service.orderGoesOn(0);
    expect(await setAside(0, offset)).toBe('TRANSACTIONAL');
    expect(await service.call('GET', `/orders/${id}`)).toMatchObject({ status: 404 });
  });

  it.each([
    ['commit', 1],
    ['abort', 2],
  ] as const)('has no effect before and after its %s, and its marker neither', async (end, partition) => {
    const [transaction, id] = [await begin(), idIn(partition)];
    const offset = await write(transaction, id, partition);
    await service.orderGoesOn(partition);
    await transaction[end]();
    await service.orderGoesOn(partition);
    expect(await service.call('GET', `/orders/${id}`)).toMatchObject({ status: 404 });
    expect(await setAside(partition, offset)).toBe('TRANSACTIONAL');
    const letters = async () => [...(await service.letters())].filter(([place]) => place.includes(`/${partition}@`));
    await eventually(async () => (await letters()).length === 2, { what: 'the dead letter of the marker' });
    expect((await letters()).map(([, { reason }]) => reason)).toEqual(['TRANSACTIONAL', 'TRANSACTIONAL']);
  });

  it('hides nothing in the topic of products', async () => {
    const transaction = await begin();
    const [sent] = await transaction.send({ topic: service.where.productsTopic, messages: [{ key: 'p', partition: 4, value: '{}' }] });
    await service.productGoesOn(4);
    const place = `${service.where.productsTopic}/4@${sent!.baseOffset}`;
    await eventually(async () => (await service.letters()).get(place)?.reason === 'TRANSACTIONAL', { what: 'its dead letter' });
  });

  it('leaves read model, ledger and oracle in agreement, while some are still open', async () => {
    await service.everybodyAgrees();
  });
});
