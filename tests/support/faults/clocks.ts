// tests/support/faults/clocks.ts: the clocks of a fleet's roles, to be set by hours while they run (skewed-clock.ts).

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Fleet } from '../stack/service/fleet.ts';
import type { RoleName } from '../stack/service/role-process.ts';

export interface Clocks {
  /** What a role must be started with to follow them. */
  env: Record<string, string>;
  /** From now on `set` reaches this fleet at once. */
  of: (fleet: Fleet) => void;
  /** Milliseconds by which the clocks of these roles are wrong from now on. */
  set: (skews: Partial<Record<RoleName, number>>) => Promise<void>;
  stop: () => Promise<void>;
}

const PRELOADED = resolve(import.meta.dirname, 'skewed-clock.ts');
const ROLES: readonly RoleName[] = ['api', 'processor', 'projector'];

/** All right at first. */
export const startClocks = async (): Promise<Clocks> => {
  const folder = await mkdtemp(join(tmpdir(), 'order-service-clocks-'));
  for (const role of ROLES) await writeFile(join(folder, role), '0');
  let fleet: Fleet | null = null;
  return {
    env: { NODE_OPTIONS: `--import=${PRELOADED}`, SKEWED_CLOCKS: folder },
    of: (started) => {
      fleet = started;
    },
    set: async (skews) => {
      for (const [role, skewMs] of Object.entries(skews)) {
        await writeFile(join(folder, role), String(skewMs));
        for (const member of fleet?.members(role as RoleName) ?? []) member.signal('SIGUSR2');
      }
    },
    stop: () => rm(folder, { recursive: true, force: true }),
  };
};
