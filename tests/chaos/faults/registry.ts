// tests/chaos/faults/registry.ts: every fault that a campaign chooses from.

import type { Fault } from '../fault.ts';
import { GROUND_FAULTS } from './environment.ts';
import { LOG_FAULTS } from './log.ts';
import { LOSSES } from './losses.ts';
import { NETWORK_FAULTS } from './network.ts';
import { ROLE_FAULTS } from './roles.ts';

export const FAULTS: readonly Fault[] = [...ROLE_FAULTS, ...GROUND_FAULTS, ...NETWORK_FAULTS, ...LOG_FAULTS, ...LOSSES];
