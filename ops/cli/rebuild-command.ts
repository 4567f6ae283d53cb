// ops/cli/rebuild-command.ts: `npm run orders -- rebuild`.

import { rebuildLedger } from '../../processor/ledger/rebuild/rebuild.ts';
import { type RebuildProgress, rebuild } from '../../projector/rebuild/rebuild.ts';
import type { LogClient } from '../../shared/log/connect/client.ts';
import type { Addresses } from './addresses.ts';
import { count, type Terminal } from './terminal.ts';

export interface RebuildCommandOptions {
  wholeArchive?: boolean;
}

/** The ledger first: until it is complete nothing is decided. Resolves with the exit code. */
export const runRebuild =
  ({ wholeArchive = false }: RebuildCommandOptions) =>
  async (client: LogClient, addresses: Addresses, terminal: Terminal): Promise<number> => {
    const ledgerSchema = addresses.LEDGER_SCHEMA;
    const ledger = await rebuildLedger({
      client,
      topics: { orders: addresses.ORDERS_TOPIC, products: addresses.PRODUCTS_TOPIC },
      databaseUrl: addresses.DATABASE_URL,
      schema: ledgerSchema,
      onProgress: ({ done, total }) => terminal.progress(`stock ledger: ${count(done)} / ${count(total)} events`),
    });
    const startedAt = performance.now();
    const onProgress = (progress: RebuildProgress): void => terminal.progress(describe(progress, performance.now() - startedAt));
    const { DATABASE_URL: databaseUrl, ORDERS_TOPIC: topic, READ_MODEL_SCHEMA: schema } = addresses;
    const { events, seconds } = await rebuild({ client, topic, databaseUrl, schema, wholeArchive, onProgress });
    const perSecond = Math.round(events / seconds);
    terminal.result({ events, seconds, events_per_second: perSecond, ledger }, [
      `Rebuilt ${schema} from ${count(events)} events of ${topic} in ${seconds.toFixed(1)} s (${count(perSecond)} events/s).`,
      `Rebuilt ${ledgerSchema}: ${count(ledger.products)} products, ${count(ledger.reservations)} reservations.`,
    ]);
    return 0;
  };

const describe = ({ phase, done, total }: RebuildProgress, elapsedMs: number): string => {
  if (phase === 'indexes') return `${count(done)} events projected, building indexes …`;
  if (phase === 'swap') return `${count(done)} events projected, swapping the schemas …`;
  return `${count(done)} / ${count(total)} events, ${count(Math.round((done / elapsedMs) * 1000))} events/s`;
};
