// ops/cli/rebuild-command.ts: `npm run orders -- rebuild`.

import { completeLedger, rebuildLedger } from '../../processor/ledger/rebuild/rebuild.ts';
import { type ComparedWithLog, compareWithLog } from '../../projector/loss/find-loss.ts';
import { lossNotAccepted } from '../../projector/loss/log-loss.ts';
import { acceptingMeans, type RebuildProgress, rebuild } from '../../projector/rebuild/rebuild.ts';
import type { LogClient } from '../../shared/log/connect/client.ts';
import { openDatabase } from '../../shared/postgres/database.ts';
import type { Addresses } from './addresses.ts';
import { count, type Terminal } from './terminal.ts';

export interface RebuildCommandOptions {
  wholeArchive?: boolean;
  acceptLoss?: boolean;
}

/**
 * First whether the log has all that is here (R18): a loss that is not accepted changes nothing. Then the ledger: until it is complete
 * nothing is decided. Where the read model is of another log, the ledger stays incomplete until that is made, too: processors look up in it
 * which orders are over, and would take restored ones for late duplicates. Resolves with the exit code.
 */
export const runRebuild =
  ({ wholeArchive = false, acceptLoss = false }: RebuildCommandOptions) =>
  async (client: LogClient, addresses: Addresses, terminal: Terminal): Promise<number> => {
    const { DATABASE_URL: databaseUrl, ORDERS_TOPIC: topic, READ_MODEL_SCHEMA: schema, LEDGER_SCHEMA: ledgerSchema } = addresses;
    const { fits, loss } = await compared(client, addresses);
    if (loss !== null && !acceptLoss) throw lossNotAccepted(loss, topic, acceptingMeans(schema));
    const now = Date.now();
    const ledger = await rebuildLedger({
      client,
      topics: { orders: topic, products: addresses.PRODUCTS_TOPIC },
      databaseUrl,
      schema: ledgerSchema,
      acceptLoss,
      logHasLost: loss !== null,
      leaveIncomplete: !fits,
      now,
      onProgress: ({ done, total }) => terminal.progress(`stock ledger: ${count(done)} / ${count(total)} events`),
    });
    const startedAt = performance.now();
    const onProgress = (progress: RebuildProgress): void => terminal.progress(describe(progress, performance.now() - startedAt));
    const { events, seconds, kept } = await rebuild({ client, topic, databaseUrl, schema, wholeArchive, acceptLoss, now, onProgress });
    if (!fits) await completeLedger({ databaseUrl, schema: ledgerSchema });
    const perSecond = Math.round(events / seconds);
    const names = [kept, ledger.kept].flatMap((each) => (each === null ? [] : [each.name]));
    terminal.result({ events, seconds, events_per_second: perSecond, ledger, kept }, [
      `Rebuilt ${schema} from ${count(events)} events of ${topic} in ${seconds.toFixed(1)} s (${count(perSecond)} events/s).`,
      `Rebuilt ${ledgerSchema}: ${count(ledger.products)} products, ${count(ledger.reservations)} reservations.`,
      ...(names.length === 0 ? [] : [`What the log had not got is kept as ${names.join(' and ')}: \`npm run orders -- kept list\`.`]),
    ]);
    return 0;
  };

const compared = async (
  client: LogClient,
  { DATABASE_URL: url, ORDERS_TOPIC: topic, READ_MODEL_SCHEMA: schema }: Addresses,
): Promise<ComparedWithLog> => {
  const database = openDatabase({ url, schema, applicationName: 'rebuild', maxConnections: 1, statementTimeoutMs: 0 });
  try {
    return await compareWithLog({ client, topic, database });
  } finally {
    await database.end();
  }
};

const describe = ({ phase, done, total }: RebuildProgress, elapsedMs: number): string => {
  if (phase === 'indexes') return `${count(done)} events projected, building indexes …`;
  if (phase === 'swap') return `${count(done)} events projected, swapping the schemas …`;
  return `${count(done)} / ${count(total)} events, ${count(Math.round((done / elapsedMs) * 1000))} events/s`;
};
