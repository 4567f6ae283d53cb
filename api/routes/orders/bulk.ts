// api/routes/orders/bulk.ts: composes populate, import and export, which share a gate and end when the process does.

import type { FastifyInstance } from 'fastify';
import type { Logger } from '../../../shared/runtime/logger.ts';
import { createImportLines } from '../../bulk/import-orders.ts';
import { createPopulate } from '../../bulk/populate.ts';
import { requireJsonAccepted } from '../../http/guards/http-guard.ts';
import type { LongTransfers } from '../../http/long-transfers.ts';
import type { SubmitOrder } from '../../orders/submit-order.ts';
import type { BulkGate } from '../../overload/bulk-gate.ts';
import type { ReadOrder } from '../../reads/read-order.ts';
import { type ExportRouteOptions, exportRoute } from './export.ts';
import { importRoute } from './import.ts';
import { populateRoute } from './populate.ts';

export interface BulkRoutesOptions extends Pick<ExportRouteOptions, 'readModel' | 'consistency'> {
  submitOrder: SubmitOrder;
  orders: Pick<ReadOrder, 'known' | 'fresh'>;
  bulkGate: BulkGate;
  longTransfers: LongTransfers;
  logger: Logger;
}

export const bulkRoutes = async (app: FastifyInstance, options: BulkRoutesOptions): Promise<void> => {
  const { submitOrder, orders, bulkGate: gate, longTransfers, logger } = options;
  app.addHook('preClose', async () => {
    gate.stop();
    longTransfers.stop();
  });
  await app.register(async (json) => {
    json.addHook('onRequest', requireJsonAccepted);
    const populate = createPopulate({ submitOrder, orders, gate, logger });
    await json.register(populateRoute, { populate, leaving: longTransfers.leaving });
  });
  await app.register(importRoute, { importLines: createImportLines({ submitOrder, gate, logger }), longTransfers });
  await app.register(exportRoute, options);
};
