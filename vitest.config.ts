// vitest.config.ts: one project per folder of tests/. Only those that need a broker and a database provision them
// (tests/support/stack/stack.ts), once per run and only when one of their files is run.

import { defineConfig } from 'vitest/config';

// Where .ci/run counts what passed and failed.
const REPORT_FILE = '.data/test-report.json';

const STACK_SETUP = ['tests/support/stack/stack.ts'];
// A cold role start, a rebalance or a broker restart takes seconds; on a busy two-core machine several times that.
// Without them, seeds of a simulation are what takes long: on a busy machine ten times the second that they need.
const PATIENCE = { testTimeout: 60_000, hookTimeout: 60_000 };
const WITH_STACK = { ...PATIENCE, globalSetup: STACK_SETUP };

export default defineConfig({
  test: {
    pool: 'forks',
    ...PATIENCE,
    reporters: ['default', 'json'],
    outputFile: { json: REPORT_FILE },
    projects: [
      // Groups run one after the other: what is cheap fails first, and nothing disturbs tests that measure time.
      { extends: true, test: { name: 'unit', include: ['tests/unit/**/*.test.ts'], maxWorkers: 2, sequence: { groupOrder: 0 } } },
      {
        extends: true,
        test: { name: 'architecture', include: ['tests/architecture/**/*.test.ts'], maxWorkers: 2, sequence: { groupOrder: 0 } },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['tests/integration/**/*.test.ts'],
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          ...WITH_STACK,
        },
      },
      {
        extends: true,
        test: { name: 'e2e', include: ['tests/e2e/**/*.test.ts'], maxWorkers: 1, sequence: { groupOrder: 2 }, ...WITH_STACK },
      },
      {
        extends: true,
        test: {
          name: 'reliability',
          include: ['tests/reliability/**/*.test.ts'],
          maxWorkers: 2,
          sequence: { groupOrder: 3 },
          ...WITH_STACK,
        },
      },
      // Three brokers and a database of its own. In the group of those that mostly wait, as it does.
      {
        extends: true,
        test: { name: 'cluster', include: ['tests/cluster/**/*.test.ts'], maxWorkers: 2, sequence: { groupOrder: 3 } },
      },
      // Provisions itself, where a container engine answers.
      {
        extends: true,
        test: { name: 'compose', include: ['tests/compose/**/*.test.ts'], maxWorkers: 1, sequence: { groupOrder: 4 } },
      },
      // The runs of mutants are processes of their own, as many as there are cores.
      { extends: true, test: { name: 'mutants', include: ['tests/mutants/**/*.test.ts'], maxWorkers: 1, sequence: { groupOrder: 6 } } },
      {
        extends: true,
        test: { name: 'simulation', include: ['tests/simulation/**/*.test.ts'], maxWorkers: 1, sequence: { groupOrder: 5 } },
      },
    ],
  },
});
