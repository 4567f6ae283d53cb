// tests/oracle/table.ts: a ledger for people.

import type { Ledger } from './compare.ts';

// Enough to see what kind of thing went wrong; all of them are in the evidence.
const VIOLATIONS_SHOWN = 20;

export const ledgerTable = (ledger: Ledger): string => {
  const { accepted, completed, cancelled, rejected, open, parked } = ledger;
  const rows: [string, number | string][] = [
    ['accepted', accepted],
    ['completed', completed],
    ['cancelled', cancelled],
    ['rejected', rejected],
    ['open', parked === 0 ? open : `${open} (${parked} parked)`],
    ['unknown, in the log', ledger.unknownLanded],
    ['unknown, not in the log', ledger.unknownAbsent],
    ['requests', ledger.requests],
    ['records', ledger.records],
    ['void', ledger.void],
    ['lost', ledger.lost],
    ['doubled', ledger.doubled],
    ['reordered', ledger.reordered],
    ['oversold', ledger.oversold],
    ['violations', ledger.violations.length],
  ];
  const sum = `accepted ${accepted} = completed ${completed} + cancelled ${cancelled} + rejected ${rejected} + open ${open}`;
  return [
    ledger.lost === 0 ? sum : `${sum} + lost ${ledger.lost}`,
    ...rows.map(([name, value]) => `  ${name.padEnd(24)}${String(value).padStart(10)}`),
    ...ledger.violations.slice(0, VIOLATIONS_SHOWN).map((violation) => `  ! ${violation}`),
    ...(ledger.violations.length > VIOLATIONS_SHOWN ? [`  ! … and ${ledger.violations.length - VIOLATIONS_SHOWN} more`] : []),
  ].join('\n');
};
