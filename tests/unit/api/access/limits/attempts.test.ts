// Budgets of passwords: who shares one with whom, what gives back, and how much is remembered.

import { beforeEach, describe, expect, it } from 'vitest';
import {
  ATTEMPTS_MAX,
  type Attempts,
  createAttempts,
  KNOWN_FOR_MS,
  KNOWN_SOURCES_MAX,
  SOURCE_ATTEMPTS_MAX,
  WINDOW_MS,
} from '../../../../../api/access/limits/attempts.ts';

const ADA = 'ada@example.com';

let now: number;
let attempts: Attempts;
beforeEach(() => {
  now = 0;
  attempts = createAttempts(() => now);
});
const waitS = (source: string, email = ADA): number => {
  const taken = attempts.take(source, email);
  return 'waitS' in taken ? taken.waitS : 0;
};
const waits = (count: number, source: string, email: (n: number) => string = () => ADA) =>
  Array.from({ length: count }, (_, n) => waitS(source, email(n)));

describe('an attempt', () => {
  it('of a source that is not known counts for the email, with those of all such sources', () => {
    for (let n = 0; n < ATTEMPTS_MAX; n += 1) expect(waitS(`robot ${n}`)).toBe(0);
    now = 15_000;
    expect(waitS('robot 0')).toBe(45);
    expect(waitS('another robot')).toBe(45);
    expect(waitS('another robot', 'grace@example.com')).toBe(0);
    now = WINDOW_MS;
    expect(waitS('another robot')).toBe(0);
  });

  it('of a source that is not known counts for the source, over all emails', () => {
    const emails = (n: number) => `${n}@example.com`;
    expect(waits(SOURCE_ATTEMPTS_MAX, 'robot', emails).every((wait) => wait === 0)).toBe(true);
    expect(waitS('robot', 'one-more@example.com')).toBe(60);
    expect(waitS('another', 'one-more@example.com')).toBe(0);
  });

  it('that is refused uses up nothing', () => {
    waits(ATTEMPTS_MAX, 'robot');
    waits(1_000, 'office');
    expect(waits(SOURCE_ATTEMPTS_MAX, 'office', (n) => `${n}@example.com`).every((wait) => wait === 0)).toBe(true);
  });

  it('that was right is given back to all for whom it counted', () => {
    for (let n = 0; n < 3 * SOURCE_ATTEMPTS_MAX; n += 1) {
      const taken = attempts.take('office', `${n % 3}@example.com`);
      if ('waitS' in taken) throw new Error(`refused at ${n}`);
      taken.giveBack();
    }
  });

  it('that was right is given back to its own minute only', () => {
    const taken = attempts.take('office', ADA);
    now = WINDOW_MS;
    expect(waits(ATTEMPTS_MAX, 'robot')).toEqual([0, 0, 0, 0, 0]);
    if ('giveBack' in taken) taken.giveBack();
    expect(waitS('robot')).toBe(60);
  });
});

describe('a source that has signed in as a user', () => {
  it('has a budget of its own, which no other source and no other email touches', () => {
    attempts.learn('home', ADA);
    waits(1_000, 'robot');
    waits(1_000, 'home', (n) => `${n}@example.com`);
    expect(waits(ATTEMPTS_MAX + 1, 'home')).toEqual([0, 0, 0, 0, 0, 60]);
    expect(attempts.isKnown('home', 'grace@example.com')).toBe(false);
  });

  it('does not use up the budget of the others', () => {
    attempts.learn('home', ADA);
    waits(1_000, 'home');
    expect(waits(ATTEMPTS_MAX + 1, 'cafe')).toEqual([0, 0, 0, 0, 0, 60]);
  });

  it('is known for thirty days from its last time', () => {
    attempts.learn('home', ADA);
    now = KNOWN_FOR_MS - 1;
    expect(attempts.isKnown('home', ADA)).toBe(true);
    attempts.learn('home', ADA);
    now = 2 * KNOWN_FOR_MS - 2;
    expect(attempts.isKnown('home', ADA)).toBe(true);
    now += 1;
    expect(attempts.isKnown('home', ADA)).toBe(false);
  });

  it('is one of eight of this user, of which the one longest without a sign-in is forgotten', () => {
    attempts.learn('home', ADA);
    for (let n = 1; n < KNOWN_SOURCES_MAX; n += 1) attempts.learn(`network ${n}`, ADA);
    attempts.learn('home', ADA);
    attempts.learn('hotel', ADA);
    attempts.learn('elsewhere', 'grace@example.com');
    expect(attempts.isKnown('home', ADA)).toBe(true);
    expect(attempts.isKnown('hotel', ADA)).toBe(true);
    expect(attempts.isKnown('network 1', ADA)).toBe(false);
    expect(attempts.isKnown('network 2', ADA)).toBe(true);
  });
});
