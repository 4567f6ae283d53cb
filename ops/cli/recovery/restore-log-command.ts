// ops/cli/recovery/restore-log-command.ts: `npm run orders -- restore-log`: the log from the archive of events.

import { isApiGroup } from '../../../api/consumer-groups.ts';
import { processorGroup } from '../../../processor/consumer-group.ts';
import { holdDecisions } from '../../../processor/ledger/rebuild/hold-decisions.ts';
import { projectorGroup } from '../../../projector/consumer-group.ts';
import { type RestoreLogResult, restoreLog } from '../../../projector/restore/restore-log.ts';
import type { LogClient } from '../../../shared/log/connect/client.ts';
import type { Addresses } from '../addresses.ts';
import { count, type Terminal } from '../terminal.ts';
import { restoreJson, restoreLines } from './restore-report.ts';

export interface RestoreLogCommandOptions {
  from?: string;
  dryRun?: boolean;
}

/** Resolves with the exit code: 1 where something of the archive could not be given back. */
export const runRestoreLog =
  ({ from, dryRun = false }: RestoreLogCommandOptions) =>
  async (client: LogClient, addresses: Addresses, terminal: Terminal): Promise<number> => {
    const { DATABASE_URL: databaseUrl, READ_MODEL_SCHEMA: schema, ORDERS_TOPIC: name, LEDGER_SCHEMA: ledgerSchema } = addresses;
    const source = from ?? schema;
    const startedAt = performance.now();
    const restore = (hold: () => Promise<void>): Promise<RestoreLogResult> =>
      restoreLog({
        client,
        topic: { name, partitions: addresses.ORDERS_PARTITIONS },
        settings: { replicationFactor: addresses.KAFKA_REPLICATION_FACTOR, minInsyncReplicas: addresses.KAFKA_MIN_INSYNC_REPLICAS },
        databaseUrl,
        schema,
        from: source,
        isRole: (groupId) => groupId === processorGroup(name) || groupId === projectorGroup(name) || isApiGroup(groupId),
        dryRun,
        beforeAppending: hold,
        onProgress: ({ done, total }) => terminal.progress(progressLine(done, total, performance.now() - startedAt)),
      });
    const result = dryRun ? await restore(async () => {}) : await holdDecisions({ databaseUrl, schema: ledgerSchema }, restore);
    const what = { topic: name, from: source, dryRun };
    terminal.result(restoreJson(result, what), restoreLines(result, what));
    return result.leftOutCount + result.missing === 0 ? 0 : 1;
  };

const progressLine = (done: number, total: number, elapsedMs: number): string =>
  `${count(done)} / ${count(total)} records, ${count(Math.round((done / elapsedMs) * 1000))} records/s`;
