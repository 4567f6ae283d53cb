// tests/mutants/mutants.ts: all mutants. Each is one line, and each must be found by a simulated world within its seeds.

import type { Mutant } from './mutant.ts';
import { API_MUTANTS } from './mutants/api.ts';
import { APPEND_MUTANTS } from './mutants/appends.ts';
import { CARRIED_MUTANTS } from './mutants/carried.ts';
import { CORE_MUTANTS } from './mutants/core.ts';
import { FULFILMENT_LATER_MUTANTS } from './mutants/fulfilment-later.ts';
import { LEDGER_MUTANTS } from './mutants/ledger.ts';
import { LOST_LOG_MUTANTS } from './mutants/lost-log.ts';
import { PROCESSOR_MUTANTS } from './mutants/processor.ts';
import { PRODUCT_MUTANTS } from './mutants/products.ts';
import { PROJECTOR_MUTANTS } from './mutants/projector.ts';
import { RETURNED_MUTANTS } from './mutants/returned.ts';
import { STEP_BACK_MUTANTS } from './mutants/step-back.ts';
import { SYSTEM_MUTANTS } from './mutants/system.ts';

export const MUTANTS: readonly Mutant[] = [
  ...CORE_MUTANTS,
  ...PROCESSOR_MUTANTS,
  ...CARRIED_MUTANTS,
  ...FULFILMENT_LATER_MUTANTS,
  ...LEDGER_MUTANTS,
  ...PRODUCT_MUTANTS,
  ...PROJECTOR_MUTANTS,
  ...RETURNED_MUTANTS,
  ...API_MUTANTS,
  ...SYSTEM_MUTANTS,
  ...LOST_LOG_MUTANTS,
  ...STEP_BACK_MUTANTS,
  ...APPEND_MUTANTS,
];
