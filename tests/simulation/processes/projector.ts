// tests/simulation/processes/projector.ts: the real projector in a simulation: what projector/main.ts composes, without a server.

import { createOrderProjector, type OrderProjector } from '../../../projector/project-orders.ts';
import { orderDecoderFor } from '../../../shared/log/codec/order-codec.ts';
import { createDeadLetters } from '../../../shared/log/dead-letters/dead-letters.ts';
import { createStoreOn } from '../../support/in-memory/read-model.ts';
import { createSimulatedReader } from '../environment/reader.ts';
import type { StartRole } from '../fleet.ts';
import { checkBuried } from '../invariants/dead-letters.ts';
import { checkOneHistory } from '../invariants/one-history.ts';
import { DEAD_LETTERS, ORDERS, PARTITIONS } from '../world.ts';
import { checkMarksOn } from './check-marks.ts';

const COMMIT_GAP_MS = 25;

export const projectorRole: StartRole<OrderProjector> = (world, process, onFatal) => {
  const { sim, log, logger, groups } = world;
  const appender = world.openAppender(process);
  const transact = world.transact(process);
  const store = createStoreOn(world.readModel, (work) => transact(() => world.aroundCommit.readModel(work)));
  const projector = createOrderProjector({
    decode: orderDecoderFor(PARTITIONS),
    topicId: log.topicId(ORDERS),
    store: {
      ...store,
      commit: (batch) => {
        checkBuried(world, batch);
        checkOneHistory(world, batch);
        return store.commit(batch);
      },
    },
    openReader: (handlers) => createSimulatedReader({ sim, log, process, topic: ORDERS, handlers, group: groups.projector }),
    checkLog: checkMarksOn(world, process, ORDERS, 'The read model'),
    deadLetter: createDeadLetters(appender, DEAD_LETTERS).append,
    commitGapMs: COMMIT_GAP_MS,
    logger,
    onCommitted: (batch) => {
      for (const { partition, from, to } of batch.moves) sim.trace(() => `stores ${partition}@${from} to ${to}`);
    },
    onDeadLetter: () => {},
    onProgress: () => {},
    onFatal,
  });
  projector.start().catch(onFatal);
  return projector;
};
