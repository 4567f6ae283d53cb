// tests/chaos/faults/roles.ts: what happens to the processes of the service itself.

import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../../support/eventually.ts';
import { endAndAwait } from '../../support/stack/service/kept-process.ts';
import type { Fault } from '../fault.ts';

// The group's session time-out is 10 s: a stopped member wakes up when others have taken its partitions over.
const STOPPED_MS = { from: 2_000, below: 16_000 };
const BACK_LIMIT_MS = 60_000;

const killRole: Fault = {
  name: 'SIGKILL of a role',
  weight: 6,
  inject: ({ fleet }, random) => endAndAwait(random.pick(fleet.members()).kept),
};

const terminateRole: Fault = {
  name: 'SIGTERM of a role',
  weight: 2,
  inject: ({ fleet }, random) => endAndAwait(random.pick(fleet.members()).kept, 'SIGTERM'),
};

const stopRole: Fault = {
  name: 'SIGSTOP of a role and SIGCONT',
  weight: 4,
  inject: async ({ fleet }, random) => {
    const member = random.pick(fleet.members());
    const stoppedMs = STOPPED_MS.from + random.below(STOPPED_MS.below);
    member.signal('SIGSTOP');
    await delay(stoppedMs);
    member.signal('SIGCONT');
    await member.untilReady();
  },
};

const killBoth: Fault = {
  name: 'SIGKILL of all instances of a role',
  weight: 1,
  inject: async ({ fleet }, random) => {
    const role = random.pick(['api', 'processor', 'projector'] as const);
    await Promise.all(fleet.members(role).map(({ kept }) => endAndAwait(kept)));
  },
};

const rollingRestart: Fault = {
  name: 'rolling restart',
  weight: 1,
  inject: async ({ fleet }) => {
    for (const member of fleet.members()) {
      await endAndAwait(member.kept, 'SIGTERM');
      await eventually(member.isReady, { what: `${member.name} to be ready`, timeoutMs: BACK_LIMIT_MS });
    }
  },
};

export const ROLE_FAULTS = [killRole, terminateRole, stopRole, killBoth, rollingRestart];
