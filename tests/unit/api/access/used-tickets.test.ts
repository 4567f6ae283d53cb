// Which tickets were used: each once, for as long as it could be shown, and never more than can be remembered.

import { expect, it } from 'vitest';
import { createUsedTickets } from '../../../../api/access/used-tickets.ts';

const PERIOD_MS = 60_000;
const MOST = 100_000;

const start = () => {
  let now = 0;
  const { use } = createUsedTickets(PERIOD_MS, () => now);
  return {
    use,
    pass: (ms: number) => {
      now += ms;
    },
  };
};

it('a ticket is used once for at least a period, whenever in a period it came', () => {
  for (const firstAt of [0, 1, 30_000, PERIOD_MS - 1]) {
    const { use, pass } = start();
    pass(firstAt);
    expect(use('a')).toBe(true);
    for (let passed = 0; passed < PERIOD_MS; passed += 10_000) {
      expect(use('a')).toBe(false);
      expect(use(`other at ${passed}`)).toBe(true);
      pass(9_999);
    }
    expect(use('a')).toBe(false);
  }
});

it('beyond what can be remembered no ticket is taken, until there is room again', () => {
  const { use, pass } = start();
  for (let n = 0; n < MOST; n += 1) use(`t${n}`);
  expect(() => use('one more')).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
  expect(use('t0')).toBe(false);
  pass(PERIOD_MS);
  expect(use('one more')).toBe(true);
  expect(use('t0')).toBe(false);
});
