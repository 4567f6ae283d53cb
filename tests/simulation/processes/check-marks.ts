// tests/simulation/processes/check-marks.ts: shared/log/read/check-marks.ts on the simulated log, with the same promise.

import { namesEvent, requireEvents, requireTopic, saysSomething } from '../../../shared/log/identity/compare-marks.ts';
import type { CheckMarks } from '../../../shared/log/read/check-marks.ts';
import type { Process } from '../kernel/process.ts';
import type { World } from '../world.ts';

export const checkMarksOn =
  (world: World, process: Process, topic: string, whose: string): CheckMarks =>
  async (marks) => {
    await world.untilLogAnswers(process);
    const id = world.log.topicId(topic);
    const partitions = world.log.partitions(topic);
    const known = marks.filter(saysSomething);
    requireTopic(whose, topic, known, { id, endOf: (partition) => partitions[partition]!.highWatermark });
    const noted = known.filter(namesEvent);
    const before = noted.map(({ partition, nextOffset }) => [partition, partitions[partition]!.records[nextOffset - 1]!] as const);
    requireEvents(whose, topic, noted, new Map(before));
    return id;
  };
