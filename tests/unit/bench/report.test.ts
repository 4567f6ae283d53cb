import { describe, expect, test } from 'vitest';
import type { Finding } from '../../../bench/report/findings.ts';
import { parseNotes, report } from '../../../bench/report/report.ts';

const ratio: Finding = {
  id: 'ratio',
  what: 'the ratio',
  value: 0.7,
  unit: '×',
  places: 2,
  target: { bound: 'at least', limit: 0.65, stretch: 0.8 },
};
const rate: Finding = { id: 'rate', what: 'the rate', value: 3_900, unit: '/s', target: { bound: 'at least', limit: 4_000 } };
const markdown = (findings: Finding[], notes = '') => report({ findings, details: [], notes: parseNotes(notes) });

describe('the report', () => {
  test('says of every target whether it is met', () => {
    expect(markdown([ratio])).toContain('| the ratio | 0.70 × | ≥ 0.65 × (better: 0.80 ×) | yes |');
    expect(markdown([{ ...ratio, value: 0.8 }])).toContain('| yes, and better |');
    expect(markdown([rate])).toContain('| the rate | 3,900/s | ≥ 4,000/s | **no** |');
    expect(markdown([{ ...rate, target: { bound: 'at most', limit: 4_000 } }])).toContain('| ≤ 4,000/s | yes |');
    expect(markdown([{ ...rate, target: undefined }])).toContain('| the rate | 3,900/s |  |  |');
  });

  test('does not take what was not reached for met', () => {
    for (const bound of ['at least', 'at most'] as const) {
      expect(markdown([{ ...rate, value: Number.NaN, target: { bound, limit: 1 } }])).toMatch(/\| not reached \|.*\*\*no\*\*/);
    }
  });

  test('gives the reason for what is missed, and for nothing else', () => {
    const notes = '# Notes\n\nIntroduction.\n\n## rate\n\nThe api is full:\none process.\n\n## ratio\n\nNot to be seen.\n';
    const text = markdown([ratio, rate], notes);
    expect(text).toContain('- **the rate**: The api is full: one process.');
    expect(text).not.toContain('Not to be seen');
  });

  test('marks what was measured while others used the machine', () => {
    expect(markdown([{ ...rate, disturbed: true }])).toMatch(/3,900\/s \\\*(?:.|\n)*Others used the machine/);
    expect(markdown([rate])).not.toContain('Others');
  });
});
