// tests/chaos/faults/environment.ts: what happens to the broker and the database.

import { terminateBackends } from '../../support/faults/terminate-backends.ts';
import { endAndAwait } from '../../support/stack/service/kept-process.ts';
import type { Fault } from '../fault.ts';

const killBroker: Fault = {
  name: 'SIGKILL of the broker',
  weight: 2,
  inject: async ({ environment, fleet }) => {
    await endAndAwait(environment.broker);
    await fleet.untilReady();
  },
};

const killPostgres: Fault = {
  name: 'SIGKILL of PostgreSQL',
  weight: 2,
  inject: async ({ environment, fleet }) => {
    await endAndAwait(environment.postgres);
    await fleet.untilReady();
  },
};

const killBackends: Fault = {
  name: 'PostgreSQL ends the connections of a role',
  weight: 4,
  inject: async ({ environment, fleet }, random) => {
    await terminateBackends(environment.database, random.pick(['api', 'processor', 'projector']));
    await fleet.untilReady();
  },
};

export const GROUND_FAULTS = [killBroker, killPostgres, killBackends];
