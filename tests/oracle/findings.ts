// tests/oracle/findings.ts: what can be wrong between the three records, one word each.

export const VIOLATIONS = {
  lost: 'acknowledged, and not in the log',
  doubled: 'one intention, two effects',
  reordered: 'effective out of order, or seen out of order',
  misanswered: 'the caller was told something else than the log says',
  phantom: 'in effect although its caller was told that it was refused, or never asked',
  unanswered: 'a request in the log without an effective answer',
  stuck: 'an order that is neither ended nor parked',
  illegal: 'a step that the lifecycle does not have',
  drift: 'PostgreSQL differs from the log',
  stock: 'units that do not add up',
  stale: 'a read did not show what had been acknowledged before',
  defect: 'answered with 500',
} as const;
export type Violation = keyof typeof VIOLATIONS;

export interface Findings {
  found: { violation: Violation; what: string }[];
  find: (violation: Violation, what: string) => void;
  count: (violation: Violation) => number;
}

export const createFindings = (): Findings => {
  const found: Findings['found'] = [];
  return {
    found,
    find: (violation, what) => void found.push({ violation, what }),
    count: (violation) => found.filter((each) => each.violation === violation).length,
  };
};
