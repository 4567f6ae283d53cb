// What an operator reads after `restore-log`: what was done, what could not be, and what comes next.

import { describe, expect, it } from 'vitest';
import { restoreJson, restoreLines } from '../../../ops/cli/recovery/restore-report.ts';
import type { RestoreLogResult } from '../../../projector/restore/restore-log.ts';

const RESULT: RestoreLogResult = {
  archived: 5_379,
  found: 0,
  appended: 5_379,
  orders: 1_793,
  moved: 0,
  leftOutCount: 0,
  leftOut: [],
  missing: 0,
  others: 0,
  archiveFrom: 0,
  seconds: 0.5,
};
const WHAT = { topic: 'orders', from: 'read_model', dryRun: false };

describe('the report of a restore', () => {
  it('says what was appended, and what comes next', () => {
    expect(restoreLines(RESULT, WHAT)).toEqual([
      'Appended 5,379 records with 1,793 orders to orders in 0.5 s (10,758 records/s); 0 of the 5,379 records that read_model has archived are in orders already.',
      'What was appended stands at the offsets that it had.',
      'Processors decide nothing before the ledger and the read model fit the log again: `npm run orders -- rebuild`, then start the roles.',
    ]);
  });

  it('says what would be appended', () => {
    expect(restoreLines({ ...RESULT, found: 379, appended: 5_000, moved: 5_000 }, { ...WHAT, dryRun: true })).toEqual([
      'Would append 5,000 records with 1,793 orders to orders; 379 of the 5,379 records that read_model has archived are in orders already.',
      '5,000 records would stand at another offset than they had.',
      'Nothing was appended.',
    ]);
  });

  it('says that there is nothing to append, and nothing else', () => {
    expect(restoreLines({ ...RESULT, found: 5_379, appended: 0, orders: 0 }, WHAT)).toEqual([
      'Nothing to append: 5,379 of the 5,379 records that read_model has archived are in orders.',
    ]);
  });

  it('names what could not be given back, with the reason, and counts the rest', () => {
    const leftOut = [
      { partition: 3, offset: 57, because: 'UNOPENED_BATCH' },
      { partition: 4, offset: 8, because: 'TOO_LARGE' },
    ] as const;
    const lines = restoreLines(
      { ...RESULT, leftOut: [...leftOut], leftOutCount: 102, missing: 7, others: 5, archiveFrom: 1_000_000 },
      WHAT,
    );
    expect(lines).toEqual(
      expect.arrayContaining([
        'Left out orders/3@57: stands for a batch that no reader opens; the archive alone keeps it.',
        'Left out orders/4@8: the broker refuses its size: raise max.message.bytes of the topic, and run this again.',
        '… 102 in all.',
        'The archive itself lacks 7 records.',
        'The archive begins at offset 1,000,000: what is older was dropped from it, and is not given back.',
        '5 records came in between: of other writers, or a second time after a lost answer.',
      ]),
    );
  });

  it('has the same for scripts', () => {
    expect(restoreJson(RESULT, WHAT)).toEqual({
      topic: 'orders',
      from: 'read_model',
      dry_run: false,
      archived: 5_379,
      found: 0,
      appended: 5_379,
      orders: 1_793,
      moved: 0,
      left_out: 0,
      first_left_out: [],
      missing: 0,
      others: 0,
      archive_from: 0,
      seconds: 0.5,
    });
  });
});
