// Goal: whatever happens to appends, processes and transactions, no unit is sold twice or kept back for ever, and the ledger ends as the log
// says. Method: processors alone in a simulated world, with few units, so that most orders compete; the world itself (stock.ts) adds up what
// the log promises, here it is made sure that its schedules show something.

import { describe, expect, it } from 'vitest';
import type { World } from '../world.ts';
import { stock, stockRebuilt } from './stock.ts';

describe('stock on a log that loses, doubles and delays', () => {
  it('is promised once, given back once, and ends as the log says, over crashes, late copies and replaced owners (R3, R4, R14)', async () => {
    const ends = new Map<string, number>();
    const look = ({ truth }: World): void => {
      for (const { order } of truth.orders.values()) ends.set(order.status, (ends.get(order.status) ?? 0) + 1);
    };
    for (let seed = 1; seed <= 60; seed += 1)
      expect({ seed, violations: await stock(seed, undefined, look) }).toEqual({ seed, violations: [] });
    // Else the schedules show nothing.
    for (const status of ['completed', 'cancelled', 'rejected']) expect([status, ends.get(status)! > 90]).toEqual([status, true]);
  });

  it('is neither lost nor doubled by rebuilding the ledger while everything goes on (R8)', async () => {
    let rebuilds = 0;
    const onTrace = (line: string): void => {
      if (line.includes('the ledger is complete again')) rebuilds += 1;
    };
    for (let seed = 1; seed <= 40; seed += 1)
      expect({ seed, violations: await stockRebuilt(seed, onTrace) }).toEqual({ seed, violations: [] });
    expect(rebuilds).toBeGreaterThan(60);
  });
});
