// tests/simulation/loss/rebuild-read-model.ts: `npm run orders -- rebuild` of the read model on the simulated tables: what the log has, projected
// into empty ones by the real fold; and the comparison that comes before it (R18).

import { createComparison, type LogLoss, type LossKind, lossOf, type Missing, suspicionOf } from '../../../projector/loss/log-loss.ts';
import { project } from '../../../projector/project.ts';
import { orderDecoderFor } from '../../../shared/log/codec/order-codec.ts';
import { storedBytes } from '../../../shared/postgres/tables/archive-rows.ts';
import { readRecords } from '../../support/in-memory/log.ts';
import { emptyReadModel, writeBatch } from '../../support/in-memory/read-model.ts';
import { ORDERS, PARTITIONS, type World } from '../world.ts';

/** What the read model has and the log has not; null: nothing. As projector/loss/find-loss.ts asks for it. */
export const findReadModelLoss = ({ log, readModel }: World): LogLoss | null => {
  const suspected: LossKind[] = [];
  const missing: Missing[] = [];
  for (const checkpoint of readModel.checkpoints.values()) {
    const { partition, nextOffset } = checkpoint;
    const { records, highWatermark: high } = log.partitions(ORDERS)[partition]!;
    const eventBefore = nextOffset <= high ? (records[nextOffset - 1]?.headers.ce_id?.toString() ?? null) : null;
    const suspicion = suspicionOf(checkpoint, { topicId: log.topicId(ORDERS), low: 0, high, eventBefore });
    if (suspicion === null) continue;
    suspected.push(suspicion);
    const comparison = createComparison();
    for (const record of readRecords({ records }, 0, high)) comparison.inLog(record);
    for (const { record, orderId } of readModel.archive.get(partition) ?? [])
      comparison.archived({ order_id: orderId, ...storedBytes(record) });
    for (const stored of readModel.orders.values())
      if (stored.partition === partition)
        comparison.order({ order_id: stored.order.orderId, created_event_id: stored.order.createdEventId });
    missing.push(comparison.missing());
  }
  return lossOf(suspected, missing, 0);
};

export const rebuildReadModel = (world: World): void => {
  const { log, readModel } = world;
  const tables = emptyReadModel();
  const decode = orderDecoderFor(PARTITIONS);
  for (const { partition, records, highWatermark } of log.partitions(ORDERS)) {
    tables.checkpoints.set(partition, { partition, nextOffset: 0, topicId: log.topicId(ORDERS), lastEventId: null });
    const decoded = readRecords({ records }, 0, highWatermark).map((record) => ({ record, decoded: decode(record) }));
    writeBatch(
      tables,
      project(decoded, (orderId) => tables.orders.get(orderId) ?? null),
    );
  }
  Object.assign(readModel, tables);
};
