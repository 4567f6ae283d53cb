// bench/report/findings.ts: what a scenario hands to the report: numbers with their targets, and tables of details.

export interface Target {
  bound: 'at least' | 'at most';
  limit: number;
  /** Better than asked. */
  stretch?: number;
}

export interface Finding {
  /** Names the finding in notes.md. */
  id: string;
  what: string;
  value: number;
  unit: string;
  /** Decimal places that mean something. */
  places?: number;
  target?: Target;
  /** Measured while others used the machine. */
  disturbed?: boolean;
}

export interface Details {
  title: string;
  /** What one has to know to read it. */
  remarks: string[];
  columns: string[];
  rows: (string | number)[][];
}

export interface Findings {
  findings: Finding[];
  details: Details[];
}

export const meets = ({ value, target }: Finding): boolean | null => {
  if (target === undefined) return null;
  return target.bound === 'at least' ? value >= target.limit : value <= target.limit;
};
