// shared/log/connect/kafkajs-log.ts: forwards kafkajs's own log lines to ours, all of them at debug.

import type { logCreator } from 'kafkajs';
import type { OutageLogger } from '../../runtime/outage.ts';

/**
 * kafkajs calls "error" each attempt that it then repeats, and rejects with it in the end, or ends its consumer's run, which group.ts
 * hears of: the caller that it rejects to decides what is an error, and says it once. So its own lines are for LOG_LEVEL=debug.
 */
export const forwardKafkajsLog =
  (logger: Pick<OutageLogger, 'debug'>): logCreator =>
  () =>
  ({ namespace, log }) => {
    const { message, timestamp: _timestamp, logger: _logger, stack: _stack, ...fields } = log;
    logger.debug({ kafkajs: namespace, ...fields }, `kafkajs: ${message}`);
  };
