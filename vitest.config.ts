// vitest.config.ts: one project per folder of tests/. package.json says which of them each command runs. Only those that need a broker and
// a database provision them (tests/support/stack/stack.ts), once per run and only when one of their files is run.

import { defineConfig } from 'vitest/config';
import { measureMachine, patience } from './tests/support/machine.ts';

measureMachine((line) => process.stderr.write(`${line}\n`));

// Where .ci/run counts what passed and failed.
const REPORT_FILE = process.env.TEST_REPORT ?? '.data/test-report.json';

const STACK_SETUP = ['tests/support/stack/stack.ts'];
// A test ends by what it waits for, which has a limit of its own; these end one that hangs.
const LIMITS = { testTimeout: patience(180_000), hookTimeout: patience(180_000) };
const WITH_STACK = { ...LIMITS, globalSetup: STACK_SETUP };

// One of each role is killed under load: the fault test of `npm test`. The others are in `npm run test:faults`.
const EVERY_ROLE_KILLED = 'tests/reliability/roles/kill-each-role.test.ts';

// A hundred thousand orders take a minute: with the longer suites.
const BULK = 'tests/e2e/bulk.test.ts';

// Groups run one after the other: what is cheap fails first, and what starts many processes is not disturbed.
export default defineConfig({
  test: {
    pool: 'forks',
    // The oracle and the network tests read with the Kafka client as it comes, which waits for negative times (shared/log/connect/idle-timer-patch.ts).
    execArgv: ['--disable-warning=TimeoutNegativeWarning'],
    ...LIMITS,
    reporters: ['default', 'json'],
    outputFile: { json: REPORT_FILE },
    projects: [
      { extends: true, test: { name: 'unit', include: ['tests/unit/**/*.test.ts'], maxWorkers: 2, sequence: { groupOrder: 0 } } },
      {
        extends: true,
        test: { name: 'architecture', include: ['tests/architecture/**/*.test.ts'], maxWorkers: 2, sequence: { groupOrder: 0 } },
      },
      // Some hundred seeds of each world.
      {
        extends: true,
        test: { name: 'simulation', include: ['tests/simulation/**/*.test.ts'], maxWorkers: 2, sequence: { groupOrder: 1 } },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['tests/integration/**/*.test.ts'],
          maxWorkers: 3,
          sequence: { groupOrder: 2 },
          ...WITH_STACK,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['tests/e2e/**/*.test.ts'],
          exclude: [BULK],
          maxWorkers: 2,
          sequence: { groupOrder: 3 },
          ...WITH_STACK,
        },
      },
      {
        extends: true,
        test: { name: 'bulk', include: [BULK], maxWorkers: 2, sequence: { groupOrder: 3 }, ...WITH_STACK },
      },
      {
        extends: true,
        test: { name: 'kill-each-role', include: [EVERY_ROLE_KILLED], maxWorkers: 2, sequence: { groupOrder: 3 }, ...WITH_STACK },
      },
      {
        extends: true,
        test: {
          name: 'reliability',
          include: ['tests/reliability/**/*.test.ts'],
          exclude: [EVERY_ROLE_KILLED],
          maxWorkers: 2,
          sequence: { groupOrder: 4 },
          ...WITH_STACK,
        },
      },
      // Three brokers and a database of its own. In the group of those that mostly wait, as it does.
      {
        extends: true,
        test: { name: 'cluster', include: ['tests/cluster/**/*.test.ts'], maxWorkers: 2, sequence: { groupOrder: 4 } },
      },
      // Stacks of their own, two at a time, which mostly start and stop.
      {
        extends: true,
        test: { name: 'drills', include: ['tests/drills/**/*.test.ts'], maxConcurrency: 2, maxWorkers: 1, sequence: { groupOrder: 5 } },
      },
      // Provisions itself, where a container engine answers.
      {
        extends: true,
        test: { name: 'compose', include: ['tests/compose/**/*.test.ts'], maxWorkers: 1, sequence: { groupOrder: 5 } },
      },
      // Python's, and as busy as the service that it asks.
      {
        extends: true,
        test: {
          name: 'schemathesis',
          include: ['tests/schemathesis/**/*.test.ts'],
          maxWorkers: 1,
          sequence: { groupOrder: 5 },
          ...WITH_STACK,
        },
      },
      // The runs of mutants are processes of their own, as many as there are cores.
      { extends: true, test: { name: 'mutants', include: ['tests/mutants/**/*.test.ts'], maxWorkers: 1, sequence: { groupOrder: 6 } } },
    ],
  },
});
