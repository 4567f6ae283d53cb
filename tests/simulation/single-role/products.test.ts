// Goal: every request about a product gets one decision, and its answer into the log, whatever appends and the ledger do and however often
// the processor dies (R11). Method: processors alone in a simulated world (products.ts); a failing seed is in the test's message.

import { describe, expect, it } from 'vitest';
import { products } from './products.ts';

describe('product requests on a log that loses, doubles and delays', () => {
  it('get one answer each, in versions without holes, and the ledger ends as the log says', async () => {
    let answered = 0;
    for (let seed = 1; seed <= 60; seed += 1) {
      const violations = await products(seed, undefined, ({ ledger }) => {
        answered += ledger.requests.size;
      });
      expect({ seed, violations }).toEqual({ seed, violations: [] });
    }
    expect(answered).toBeGreaterThan(600);
  });
});
