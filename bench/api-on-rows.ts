// bench/api-on-rows.ts: an api of its own process on a read model that is complete.
// Its log has nothing beyond the checkpoints, and nothing is appended. What a read costs then is the read's own.

import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import { createApi } from '../api/api.ts';
import { createProductStore } from '../api/products/product-store.ts';
import { createReadModel, READ_MODEL_SETTINGS } from '../api/reads/read-model.ts';
import type { Reader, ReaderHandlers } from '../shared/log/log.ts';
import { openDatabase } from '../shared/postgres/database.ts';
import { createLogger } from '../shared/runtime/logger.ts';
import { ACCESS_OFF, NO_ACCOUNTS } from './system/access-off.ts';
import { PARTITIONS, TOPIC } from './system/system.ts';

export interface ApiOnRowsSettings {
  databaseUrl: string;
  schema: string;
}

const OPEN_ORDERS_MAX = 200_000;

const createEndedReader = ({ startOffsets, onAssigned }: ReaderHandlers): Reader => ({
  start: async () => {
    const partitions = [...Array(PARTITIONS).keys()];
    const starts = (await startOffsets?.(partitions)) ?? new Map<number, number>();
    const at = (partition: number): number => starts.get(partition) ?? 0;
    onAssigned(partitions.map((partition) => ({ partition, startOffset: at(partition), highWatermark: at(partition), metadata: null })));
  },
  stop: async () => {},
  seek: () => {},
  commit: async () => {},
  lag: () => new Map(),
  isSettled: () => true,
  lastFetchAt: () => performance.now(),
});

const start = async ({ databaseUrl, schema }: ApiOnRowsSettings): Promise<number> => {
  const database = openDatabase({ url: databaseUrl, schema, applicationName: 'bench-api', settings: READ_MODEL_SETTINGS });
  const { app, tail, catalogue } = await createApi(
    {
      topic: TOPIC,
      partitionCount: PARTITIONS,
      currency: 'USD',
      version: '0.0.0',
      openOrdersMax: OPEN_ORDERS_MAX,
      tailMax: OPEN_ORDERS_MAX,
      productsMax: 1,
      decisionWaitMs: 0,
      catalog: 'open',
      access: ACCESS_OFF,
    },
    {
      appender: { append: () => Promise.reject(new Error('this api only reads')) },
      createReader: createEndedReader,
      logEnd: { ask: async () => new Map() },
      checkMarks: async () => '',
      readModel: createReadModel(database, TOPIC),
      products: {
        topic: 'products',
        partitionCount: PARTITIONS,
        createReader: createEndedReader,
        logEnd: { ask: async () => new Map() },
        checkMarks: async () => '',
        store: createProductStore(database, { schema: 'ledger', topic: 'products' }),
      },
      accounts: NO_ACCOUNTS,
      registry: new Registry(),
      logger: createLogger('api', 'warn'),
      onProgress: () => {},
      onFatal: (error) => {
        throw error;
      },
    },
  );
  await app.listen({ host: '127.0.0.1', port: 0 });
  await Promise.all([tail.start(), catalogue.start()]);
  return (app.server.address() as AddressInfo).port;
};

process.once('message', async (settings: ApiOnRowsSettings) => process.send!({ port: await start(settings) }));
process.on('disconnect', () => process.exit());
