// processor/ledger/ledger-went-back.ts: the error that says that the database of the ledger has lost commits (R17).

import { AppError } from '../../shared/runtime/app-error.ts';

/** A standby that lagged was promoted, or a backup was restored. The ledger is made again from the log before anything is decided. */
export class LedgerWentBack extends AppError {
  constructor(why: string) {
    super('LEDGER_WENT_BACK', `The database of the ledger has lost commits: ${why}. Nothing is decided before the log was read again.`);
  }
}
