// bench/report/report.ts: findings as markdown: the table with targets, why a target is missed, the details. Pure.

import { type Details, type Finding, type Findings, meets } from './findings.ts';

export interface ReportOptions {
  findings: readonly Finding[];
  details: readonly Details[];
  /** What cannot be seen from the numbers, by finding: written by hand in notes.md. */
  notes: ReadonlyMap<string, string>;
}

/** The texts under the second-level headings of notes.md, by heading. */
export const parseNotes = (markdown: string): Map<string, string> =>
  new Map(
    markdown
      .split(/^## /m)
      .slice(1)
      .map((section) => {
        const [heading = '', ...lines] = section.split('\n');
        return [heading.trim(), lines.join(' ').trim()];
      }),
  );

export const merge = (all: readonly Findings[]): Findings => ({
  findings: all.flatMap(({ findings }) => findings),
  details: all.flatMap(({ details }) => details),
});

const resultTable = (findings: readonly Finding[]): string =>
  table(
    ['what', 'measured', 'target', 'met'],
    findings.map((finding) => [finding.what, measured(finding), targetOf(finding), verdict(finding)]),
  );

/** The table, a line for each target that was missed, and the details. */
export const report = ({ findings, details, notes }: ReportOptions): string => {
  const missed = findings.filter((finding) => meets(finding) === false);
  const reasons = missed.map(({ id, what }) => `- **${what}**: ${notes.get(id) ?? 'see the CPU per process below.'}`);
  const disturbed = findings.some((finding) => finding.disturbed);
  return [
    resultTable(findings),
    ...(disturbed ? ['\\* Others used the machine meanwhile: not a number to rely on.'] : []),
    ...(reasons.length > 0 ? ['## What bounds the targets that are missed', reasons.join('\n')] : []),
    '## Details',
    ...details.map(({ title, remarks, columns, rows }) => [`### ${title}`, ...remarks, table(columns, rows)].join('\n\n')),
  ].join('\n\n');
};

const measured = (finding: Finding): string =>
  `${Number.isNaN(finding.value) ? 'not reached' : number(finding, finding.value)}${finding.disturbed ? ' \\*' : ''}`;

const targetOf = (finding: Finding): string => {
  const { target } = finding;
  if (target === undefined) return '';
  const sign = target.bound === 'at least' ? '≥' : '≤';
  const stretch = target.stretch === undefined ? '' : ` (better: ${number(finding, target.stretch)})`;
  return `${sign} ${number(finding, target.limit)}${stretch}`;
};

const verdict = (finding: Finding): string => {
  const { target } = finding;
  if (target === undefined) return '';
  if (meets(finding) !== true) return '**no**';
  const better = target.stretch !== undefined && meets({ ...finding, target: { ...target, limit: target.stretch } });
  return better ? 'yes, and better' : 'yes';
};

const number = ({ unit, places = 0 }: Finding, value: number): string => {
  const digits = { minimumFractionDigits: places, maximumFractionDigits: places };
  const space = unit === '' || unit.startsWith('/') ? '' : ' ';
  return `${value.toLocaleString('en-US', digits)}${space}${unit}`;
};

const table = (columns: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  [columns, columns.map(() => '---'), ...rows.map((row) => row.map(cell))].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const cell = (value: string | number): string => (typeof value === 'number' ? value.toLocaleString('en-US') : value);
