// api/requests/append-while-reading.ts: appends nothing while part of the log cannot be read on: what this instance knows may be outdated.

import type { Appender } from '../../shared/log/log.ts';
import { AppError } from '../../shared/runtime/app-error.ts';

/** Rejects with UNKNOWN_EVENT_TYPE, and appends nothing, while `cannotReadOn` says why. */
export const appendWhileReading = (appender: Appender, cannotReadOn: () => string | null): Appender => ({
  append: async (record) => {
    const why = cannotReadOn();
    if (why !== null) throw new AppError('UNKNOWN_EVENT_TYPE', why);
    return appender.append(record);
  },
});
