// tests/support/in-memory/caught-up-read-model.ts: the read model of a unit test of the api.
// It projects the log when it is told to, and only as far as told, so that a test decides how far the projector is behind.

import type { ReadModel } from '../../../api/reads/read-model.ts';
import { decodeAll } from '../../../projector/decode-batch.ts';
import { project } from '../../../projector/project.ts';
import { decodeOrderEvent } from '../../../shared/log/codec/order-codec.ts';
import { AppError } from '../../../shared/runtime/app-error.ts';
import type { LogPorts } from './log-ports.ts';
import { createReadModelOn, emptyReadModel, writeBatch } from './read-model.ts';

export interface CaughtUpReadModel extends ReadModel {
  /** Projects everything that is in the log now. */
  catchUp: () => void;
  /** Back to an empty database, as if it had been restored from before everything. */
  wipe: () => void;
  /** While true every question is answered with DATABASE_UNAVAILABLE. */
  broken: boolean;
  /** How often the tail has asked for the checkpoints. */
  checkpointsAsked: number;
  /** How many ids were looked up as possible late duplicates. */
  idsLookedUp: number;
}

export const createCaughtUpReadModel = (log: LogPorts): CaughtUpReadModel => {
  const tables = emptyReadModel();
  const rows = createReadModelOn(tables, async (work) => {
    await new Promise(setImmediate);
    if (model.broken) throw new AppError('DATABASE_UNAVAILABLE', 'told to be');
    return work();
  });
  const model: CaughtUpReadModel = {
    ...rows,
    catchUp: () => {
      for (const [partition, records] of log.records.entries()) {
        const { nextOffset = 0 } = tables.checkpoints.get(partition) ?? {};
        const { records: decoded } = decodeAll(records.slice(nextOffset), decodeOrderEvent);
        writeBatch(
          tables,
          project(decoded, (orderId) => tables.orders.get(orderId) ?? null),
        );
        tables.checkpoints.set(partition, { partition, nextOffset: records.length, topicId: 'topic', lastEventId: null });
      }
    },
    wipe: () => void Object.assign(tables, emptyReadModel()),
    broken: false,
    checkpointsAsked: 0,
    idsLookedUp: 0,
    checkpoints: () => {
      model.checkpointsAsked += 1;
      return rows.checkpoints();
    },
    creationOffsets: (partition, orderIds) => {
      model.idsLookedUp += orderIds.length;
      return rows.creationOffsets(partition, orderIds);
    },
  };
  return model;
};
