// tests/simulation/planted/bugs.ts: all planted bugs. Each is one line, and each must be found by a simulated world within a minute.

import type { Bug } from './bug.ts';
import { API_BUGS } from './bugs/api.ts';
import { CARRIED_BUGS } from './bugs/carried.ts';
import { CORE_BUGS } from './bugs/core.ts';
import { LEDGER_BUGS } from './bugs/ledger.ts';
import { PROCESSOR_BUGS } from './bugs/processor.ts';
import { PRODUCT_BUGS } from './bugs/products.ts';
import { PROJECTOR_BUGS } from './bugs/projector.ts';
import { SYSTEM_BUGS } from './bugs/system.ts';

export const BUGS: readonly Bug[] = [
  ...CORE_BUGS,
  ...PROCESSOR_BUGS,
  ...CARRIED_BUGS,
  ...LEDGER_BUGS,
  ...PRODUCT_BUGS,
  ...PROJECTOR_BUGS,
  ...API_BUGS,
  ...SYSTEM_BUGS,
];
