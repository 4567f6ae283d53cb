// What a client may believe after an answer: the oracle holds the service to exactly this.

import { describe, expect, it } from 'vitest';
import { outcomeOf } from '../../oracle/journal.ts';
import { seeded } from '../../oracle/random.ts';

describe('the outcome of a request', () => {
  it.each([
    [201, null, 'ok'],
    [200, null, 'ok'],
    [202, null, 'pending'],
    [400, 'VALIDATION_FAILED', 'refused'],
    [409, 'ILLEGAL_TRANSITION', 'refused'],
    [429, 'RATE_LIMITED', 'refused'],
    [503, 'OVERLOADED', 'refused'],
    [503, 'LOG_UNAVAILABLE', 'unknown'],
    [503, 'READ_MODEL_UNAVAILABLE', 'unknown'],
    [500, 'INTERNAL', 'unknown'],
  ] as const)('after %i %s is %s', (status, code, outcome) => {
    expect(outcomeOf(status, code)).toBe(outcome);
  });
});

describe('random choices', () => {
  const draw = (seed: number) => {
    const random = seeded(seed);
    return Array.from({ length: 1_000 }, () => random.below(10));
  };

  it('are repeated by their seed, and differ for another', () => {
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
  });

  it('reach every value, and are spread by weight', () => {
    expect(new Set(draw(7)).size).toBe(10);
    const random = seeded(7);
    const choices = [0, 1, 3].map((weight) => ({ weight }));
    const drawn = Array.from({ length: 4_000 }, () => random.weighted(choices).weight);
    const count = (weight: number) => drawn.filter((each) => each === weight).length;
    expect(count(0)).toBe(0);
    expect(count(3) / count(1)).toBeGreaterThan(2.5);
    expect(count(3) / count(1)).toBeLessThan(3.5);
  });
});
