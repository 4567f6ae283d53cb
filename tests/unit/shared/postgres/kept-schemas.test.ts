// The names under which replaced schemas are kept.

import { describe, expect, it } from 'vitest';
import { keptName, keptOf } from '../../../../shared/postgres/kept-schemas.ts';

const AT = Date.UTC(2026, 10, 29, 14, 48, 31);

describe('the name of a kept schema', () => {
  it('says of which schema and when, in UTC, to the minute', () => {
    expect(keptName('read_model', AT, new Set())).toBe('read_model_kept_2026_11_29_1448');
    expect(keptOf('read_model_kept_2026_11_29_1448')).toEqual({ of: 'read_model', keptAt: Date.UTC(2026, 10, 29, 14, 48) });
  });

  it('is never one that is taken', () => {
    const taken = new Set<string>();
    for (let n = 0; n < 3; n += 1) taken.add(keptName('ledger', AT, taken));
    expect([...taken]).toEqual(['ledger_kept_2026_11_29_1448', 'ledger_kept_2026_11_29_1448_2', 'ledger_kept_2026_11_29_1448_3']);
    for (const name of taken) expect(keptOf(name)).toMatchObject({ of: 'ledger' });
  });

  it('fits into what PostgreSQL takes for a name, however long the schema is called', () => {
    const longest = 'a'.repeat(40); // shared/runtime/config.ts
    expect(keptName(longest, AT, new Set([keptName(longest, AT, new Set())])).length).toBeLessThanOrEqual(63);
  });

  it('is of no other schema', () => {
    for (const name of ['read_model', 'read_model_replaced', 'read_model_rebuild', 'read_model_kept', 'read_model_kept_2026', 'accounts'])
      expect(keptOf(name)).toBeNull();
  });
});
