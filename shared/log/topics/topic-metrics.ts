// shared/log/topics/topic-metrics.ts: the series of what differs in the topics of a role.

import { Gauge, type Registry } from 'prom-client';
import { type Difference, SETTINGS } from './differences.ts';

/** `log_setting_differs` and `log_deleted_records` of these topics; call what is returned with what every look has found. */
export const createTopicMetrics = (registry: Registry, topics: readonly string[]): ((found: readonly Difference[]) => void) => {
  const registers = [registry];
  const differs = new Gauge({
    name: 'log_setting_differs',
    help: 'Whether a setting of a topic was another one than wanted at the last look: 1 or 0.',
    labelNames: ['topic', 'setting'],
    registers,
  });
  const deleted = new Gauge({
    name: 'log_deleted_records',
    help: 'Records that had been deleted from the beginning of a topic at the last look.',
    labelNames: ['topic'],
    registers,
  });
  return (found) => {
    for (const topic of topics) {
      const inTopic = found.filter((each) => each.topic === topic);
      for (const setting of SETTINGS) differs.set({ topic, setting }, inTopic.some((each) => each.setting === setting) ? 1 : 0);
      deleted.set({ topic }, inTopic.find(({ setting }) => setting === 'deleted_records')?.is ?? 0);
    }
  };
};
