// Goal: every request about a product gets one verdict, and its answer into the log, whatever appends and the ledger do and however often
// the processor dies (R11). Method: the real shell on a simulated log and ledger, with crashes, zombies, ambiguous appends and transactions
// without an answer; a failing seed is in the test's message.

import { describe, expect, it } from 'vitest';
import { productWorld } from '../../simulation/single-role/product-world.ts';

describe('product requests on a log that loses, doubles and delays', () => {
  it('get one answer each, in versions without holes, and the ledger ends as the log says', async () => {
    let requests = 0;
    for (let seed = 1; seed <= 60; seed += 1) {
      const { violations, requests: answered } = await productWorld(seed);
      expect({ seed, violations }).toEqual({ seed, violations: [] });
      requests += answered;
    }
    expect(requests).toBeGreaterThan(600);
  });
});
