// tests/simulation/processes/api.ts: the real api behind its routes (api/api.ts), in a simulation.

import { type ApiParts, composeParts } from '../../../api/api.ts';
import { createReadModelOn } from '../../support/in-memory/read-model.ts';
import { createSimulatedProductStore } from '../environment/product-store.ts';
import { createSimulatedReader } from '../environment/reader.ts';
import type { StartRole } from '../fleet.ts';
import { ORDERS, PARTITIONS, PRODUCTS } from '../world.ts';
import { checkMarksOn } from './check-marks.ts';

/** DECISION_WAIT_MS: short, so that some callers are told to ask later. */
const DECISION_WAIT_MS = 2_000;
const PLENTY = 10_000;
// As in api/main.ts, but short: so that some are told that nothing is recorded.
const APPEND_QUEUE_AGE_MAX_MS = 300;

export const apiRole: StartRole<ApiParts> = (world, process, onFatal) => {
  const { sim, log, logger } = world;
  const parts = composeParts(
    {
      topic: ORDERS,
      partitionCount: PARTITIONS,
      currency: 'USD',
      openOrdersMax: PLENTY,
      tailMax: world.settings.tailMax ?? PLENTY,
      productsMax: PLENTY,
      decisionWaitMs: DECISION_WAIT_MS,
      catalog: 'open',
    },
    {
      appender: world.openAppender(process, APPEND_QUEUE_AGE_MAX_MS),
      createReader: (handlers) => createSimulatedReader({ sim, log, process, topic: ORDERS, handlers, group: null }),
      logEnd: endOf(ORDERS),
      checkMarks: checkMarksOn(world, process, ORDERS, 'The read model'),
      readModel: createReadModelOn(world.readModel, world.transact(process)),
      products: {
        topic: PRODUCTS,
        partitionCount: PARTITIONS,
        createReader: (handlers) => createSimulatedReader({ sim, log, process, topic: PRODUCTS, handlers, group: null }),
        logEnd: endOf(PRODUCTS),
        checkMarks: checkMarksOn(world, process, PRODUCTS, 'The ledger'),
        store: createSimulatedProductStore(world.ledger, PRODUCTS, world.transact(process)),
      },
      feedMetrics: { clients: () => {}, sent: () => {}, dropped: () => {} },
      logger,
      onProgress: () => {},
      onFatal,
    },
  );
  parts.tail.start().catch(onFatal);
  parts.catalogue.start().catch(onFatal);
  return parts;

  function endOf(topic: string) {
    return {
      ask: () =>
        new Promise<ReturnType<typeof log.ends>>((resolve) => {
          sim.after(
            sim.between(1, 5),
            () => {
              const ends = log.ends(topic);
              sim.after(sim.between(0, 5), () => resolve(ends), process);
            },
            null,
          );
        }),
    };
  }
};

/** As its readiness says. */
export const isReady = ({ tail, catalogue }: ApiParts): boolean =>
  tail.checks.tail() === null && tail.checks.log() === null && catalogue.check() === null;
