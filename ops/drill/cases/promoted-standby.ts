// ops/drill/cases/promoted-standby.ts: an asynchronous standby takes over that had not heard of the last commits, while every role runs.

import type { DrillCase } from '../drill.ts';
import { openDatabasePair } from '../faults/database-pair.ts';

export const promotedStandby = (): DrillCase => {
  let pair: Awaited<ReturnType<typeof openDatabasePair>>;
  return {
    name: 'promoted-standby',
    loss: 'the last commits of the database: its standby, a moment behind, is promoted',
    section: 'a-standby-is-promoted',
    database: async (folder, checkout) => {
      pair = await openDatabasePair(folder, checkout);
      return pair;
    },
    prepare: () => pair.loseTouch(),
    fault: () => pair.failOver(),
    sees: /database of the ledger has lost commits/,
    recover: async () => {},
    lostForGood: null,
  };
};
