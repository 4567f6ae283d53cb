// tests/simulation/single-role/feed.ts: a client of the live feed, while lives of orders land with copies and strange facts in between: every
// applied fact is told once, in order, and its cursor is the place behind it.

import { decodeOrderEvent } from '../../../shared/log/order-codec.ts';
import { created, fact } from '../../support/builders/order-events.ts';
import { startApiInMemory } from '../../support/in-memory/api.ts';
import { openFeed } from '../../support/stack/feed-client.ts';
import { random } from './simulation.ts';
import { foldOf } from './verdicts.ts';

const ORDERS = 12;

const positionsOf = (cursor: string): number[] =>
  cursor
    .split('.')
    .slice(1)
    .map((part) => Number.parseInt(part, 36));

export const feed = async (seed: number): Promise<string[]> => {
  const next = random(seed);
  const api = await startApiInMemory();
  try {
    const client = await openFeed(await api.app.listen({ host: '127.0.0.1', port: 0 }));
    const lives = Array.from({ length: ORDERS }, (_, n) => [
      created(`o-${n}`),
      fact('OrderProcessing', `o-${n}`, 2, 'pending'),
      fact('OrderCompleted', `o-${n}`, 3, 'processing'),
    ]);
    while (lives.some((life) => life.length > 0)) {
      const life = lives[Math.floor(next() * ORDERS)]!;
      const each = next() < 0.2 ? life[0] : life.shift();
      if (each) api.log.landEvent(each);
      if (next() < 0.3) await new Promise(setImmediate);
    }
    const { folded } = foldOf(api.log.records);
    const applied = folded.verdicts.filter(({ effect }) => effect === 'applied');
    await api.caughtUp();
    await client.seen(applied.length);
    client.socket.close();
    await client.closed;
    const told = client.orders().map(({ order_id, version }) => `${order_id} v${version}`);
    const found = told.length === applied.length ? [] : [`${told.length} frames were sent for ${applied.length} applied facts`];
    for (const { event, partition, offset } of applied) {
      const frame = client.orders(event!.orderId).find(({ version }) => version === event!.version);
      const stands = frame && positionsOf(frame.cursor)[partition];
      if (stands !== offset + 1) found.push(`the frame of ${partition}@${offset} leaves its client at ${stands}`);
    }
    for (let n = 0; n < ORDERS; n += 1) {
      const versions = client.orders(`o-${n}`).map(({ version }) => version);
      if (String(versions) !== '1,2,3') found.push(`o-${n} was told in versions ${versions}`);
    }
    for (const record of api.log.records.flat()) if (!decodeOrderEvent(record).ok) found.push('a record of this world cannot be decoded');
    return [...found, ...api.fatal.map(String)];
  } finally {
    await api.stop();
  }
};
