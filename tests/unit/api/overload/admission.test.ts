// The gate before everything that takes work.
// What it counts, what it refuses, and that it counts right whatever becomes of a request.

import { describe, expect, it } from 'vitest';
import type { WorkKind } from '../../../../api/access/operations.ts';
import { BODY_BYTES_IN_FLIGHT_MAX, createAdmission, IN_FLIGHT_MAX, type Refusal } from '../../../../api/overload/admission.ts';

const createClocked = (maxPerSecond: number | null) => {
  let at = 0;
  const refused: Refusal[] = [];
  const admission = createAdmission({ maxPerSecond, onRefused: (reason) => void refused.push(reason), now: () => at });
  const pass = (ms: number): void => {
    at += ms;
  };
  /** How many of the given records are taken. */
  const taken = (count: number): number => {
    const answers = Array.from({ length: count }, () => admission.begin('append', 0));
    const begun = answers.filter((answer) => answer === null).length;
    for (let n = 0; n < begun; n += 1) admission.end('append', 0);
    return begun;
  };
  return { admission, refused, pass, taken };
};

describe('the rate', () => {
  it('takes in a second what is allowed, and a burst of a tenth of that, however much comes', () => {
    const { taken, pass } = createClocked(300);
    expect(taken(1_000)).toBe(30);
    let total = 0;
    for (let ms = 0; ms < 10_000; ms += 1) {
      pass(1);
      total += taken(3);
    }
    expect(total).toBeGreaterThanOrEqual(2_999);
    expect(total).toBeLessThanOrEqual(3_000);
  });

  it('takes one at a time where the limit is one a second, and saves nothing for later beyond it', () => {
    const { taken, pass } = createClocked(1);
    expect(taken(5)).toBe(1);
    pass(999);
    expect(taken(5)).toBe(0);
    pass(1);
    expect(taken(5)).toBe(1);
    pass(3_600_000);
    expect(taken(5)).toBe(1);
  });

  it('is no limit where none is given', () => {
    const { taken, admission } = createClocked(null);
    expect(taken(4_000)).toBe(4_000);
    expect(Array.from({ length: 4_000 }, admission.spare)).not.toContain(false);
  });

  it('is not for reads and transfers', () => {
    const { admission, taken } = createClocked(1);
    taken(5);
    expect(admission.begin('read', 0)).toBeNull();
    expect(admission.begin('transfer', 0)).toBeNull();
  });
});

describe('work in bulk', () => {
  it('gets the whole rate while nobody else comes', () => {
    const { admission, pass } = createClocked(300);
    let taken = 0;
    for (let ms = 0; ms < 10_000; ms += 1) {
      pass(1);
      while (admission.spare()) taken += 1;
    }
    expect(taken).toBeGreaterThan(2_900);
    expect(taken).toBeLessThanOrEqual(3_030);
  });

  it('leaves half of the burst to single requests, which take what they need of the rate first', () => {
    const { admission, taken, pass } = createClocked(300);
    while (admission.spare());
    expect(taken(100)).toBe(15);
    let single = 0;
    for (let ms = 0; ms < 10_000; ms += 10) {
      pass(10);
      single += taken(3); // 300 a second
      expect(admission.spare()).toBe(false);
    }
    expect(single).toBe(3_000);
  });

  it('comes through at all where a burst is one', () => {
    const { admission } = createClocked(1);
    expect([admission.spare(), admission.spare()]).toEqual([true, false]);
  });
});

describe('requests under way', () => {
  it.each(['append', 'transfer', 'read'] as const)(
    'are bounded in number (%s): one too many is refused until another ends',
    (kind: WorkKind) => {
      const { admission, refused } = createClocked(null);
      for (let n = 0; n < IN_FLIGHT_MAX[kind]; n += 1) expect(admission.begin(kind, 0)).toBeNull();
      expect(admission.begin(kind, 0)).toBe('in_flight');
      for (const other of (['append', 'transfer', 'read'] as const).filter((each) => each !== kind))
        expect(admission.begin(other, 0)).toBeNull();
      admission.end(kind, 0);
      expect(admission.begin(kind, 0)).toBeNull();
      expect(refused).toEqual(['in_flight']);
    },
  );

  it('are bounded in bytes', () => {
    const { admission, refused } = createClocked(null);
    expect(admission.begin('append', BODY_BYTES_IN_FLIGHT_MAX - 10)).toBeNull();
    expect(admission.begin('read', 11)).toBe('body_bytes');
    expect(admission.begin('append', 10)).toBeNull();
    expect(admission.begin('append', 1)).toBe('body_bytes');
    admission.end('append', 10);
    expect(admission.begin('append', 1)).toBeNull();
    expect(refused).toEqual(['body_bytes', 'body_bytes']);
  });

  it('that are refused use up nothing', () => {
    const { admission, taken } = createClocked(300);
    admission.begin('read', BODY_BYTES_IN_FLIGHT_MAX);
    for (let n = 0; n < 1_000; n += 1) expect(admission.begin('append', 1)).toBe('body_bytes');
    admission.end('read', BODY_BYTES_IN_FLIGHT_MAX);
    expect(taken(30)).toBe(30);
  });
});
