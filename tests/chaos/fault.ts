// tests/chaos/fault.ts: something that goes wrong in a campaign. Each file of faults/ exports some; registry.ts lists them.

import type { Random } from '../oracle/random.ts';
import type { World } from './world.ts';

export interface Fault {
  name: string;
  /** How often it is chosen, against the others. */
  weight: number;
  /** Nothing else is broken meanwhile: a person repairs it, and needs the rest whole. */
  alone?: true;
  /** More may be promised afterwards than there is (docs/guarantees.md, a lossy failover). */
  mayOversell?: true;
  /** Resolves when it is undone and what it hit is ready again. Every choice comes from `random`, so that a seed repeats it. */
  inject: (world: World, random: Random) => Promise<void>;
}
