// tests/support/faults/load.ts: the oracle's load client on a fleet, with a few products to run out of.
// A client watches the feed of each api.

import { createLoadClient, type LoadClient, type LoadClientOptions } from '../../oracle/client.ts';
import { recordFeed } from '../../oracle/feed-recorder.ts';
import { createJournal, type Journal } from '../../oracle/journal.ts';
import { eventually } from '../eventually.ts';
import type { Fleet } from '../stack/service/fleet.ts';

export interface Load extends Pick<LoadClient, 'stop' | 'accepted' | 'inFlight'> {
  journal: Journal;
  /** Resolves when this many more orders have been acknowledged. */
  moves: (orders: number) => Promise<void>;
}

// The first is always there, the last is soon sold out.
const PRODUCTS = [1_000_000, 100, 10].map((stock, index) => ({ id: `stocked-${index}`, stock, priceMinor: 1_999 + index }));
const MOVE_LIMIT_MS = 60_000;

/** Runs when it resolves. The products may be there from a load before; loads of one fleet need seeds of their own. */
export const startLoad = async (fleet: Fleet, options: Pick<LoadClientOptions, 'seed' | 'perSecond' | 'mix'>): Promise<Load> => {
  for (const { id, stock, priceMinor } of PRODUCTS) {
    const response = await fetch(`${fleet.urls()[0]}/products`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ product_id: id, name: id, price: priceMinor / 100, stock }),
    });
    if (response.status !== 201 && response.status !== 409) throw new Error(`product ${id}: ${response.status} ${await response.text()}`);
  }
  const journal = createJournal();
  const client = createLoadClient({ ...options, urls: fleet.urls, journal, products: PRODUCTS });
  const feeds = fleet.urls().map((url) => recordFeed(url, journal));
  client.start();
  const stop = async (): Promise<void> => {
    await client.stop();
    await Promise.all(feeds.map((feed) => feed.stop()));
  };
  const moves = async (orders: number): Promise<void> => {
    const wanted = client.accepted() + orders;
    await eventually(() => client.accepted() >= wanted, { what: `${orders} more orders to be accepted`, timeoutMs: MOVE_LIMIT_MS });
  };
  return { journal, moves, stop, accepted: client.accepted, inFlight: client.inFlight };
};
