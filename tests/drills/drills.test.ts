// Goal: every row of docs/recovery.md holds on real parts.
// Method: each drill is run as `npm run drill` runs it: a stack of its own, acknowledged orders, a loss, the commands of the page, `verify`.

import { describe, expect, it } from 'vitest';
import { DRILL_CASES } from '../../ops/drill/cases.ts';
import { type DrillReport, runDrill } from '../../ops/drill/drill.ts';

/** Of what is said to be lost for good, how much may be: what was not archived in the moment of the loss. */
const LOST_MAX: Readonly<Record<string, number>> = {};

describe.concurrent('an operator comes back from', () => {
  it.each(DRILL_CASES)('$name: $loss', async (drill) => {
    const lines: string[] = [];
    const report: DrillReport = await runDrill(drill, { say: (line) => lines.push(line), machine: process.env });
    const said = lines.join('\n');
    expect(report.agrees, said).toBe(true);
    expect(report.before, said).toMatchObject({ acknowledged: 80, there: 80 });
    expect(report.lost, said).toBeLessThanOrEqual(LOST_MAX[drill.name] ?? 0);
    expect(report.after, said).toMatchObject({ acknowledged: 80, completed: report.after.there });
    expect(report.stockAfter, said).toEqual({ stock: 1_000 - 27, reserved: 0, sold: 27, oversold: 0 });
  });
});
