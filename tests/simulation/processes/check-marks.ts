// tests/simulation/processes/check-marks.ts: shared/log/read/check-marks.ts on the simulated log, with the same promise.

import { identityOf } from '../../../shared/log/identity/record-identity.ts';
import type { CheckMarks } from '../../../shared/log/read/check-marks.ts';
import { AppError } from '../../../shared/runtime/app-error.ts';
import type { Process } from '../kernel/process.ts';
import { ORDERS, type World } from '../world.ts';

export const checkMarksOn =
  (world: World, process: Process, topic: string): CheckMarks =>
  async (marks) => {
    await world.untilLogAnswers(process);
    const id = topic === ORDERS ? world.topicId : topic;
    for (const { partition, nextOffset, lastEventId, topicId } of marks) {
      const before = world.log.partitions(topic)[partition]!.records[nextOffset - 1];
      const found = before === undefined ? null : identityOf(before);
      if ((topicId ?? id) !== id || (lastEventId !== null && found !== lastEventId)) {
        throw new AppError('LOG_MISMATCH', `${partition}@${nextOffset} of ${topicId} follows ${lastEventId}, ${id} has ${found} there`);
      }
    }
    return id;
  };
