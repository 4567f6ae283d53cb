// ops/drill/faults/with-admin.ts: what somebody does to the topics with Kafka's tools.

import type { Admin } from 'kafkajs';
import { createLogClient } from '../../../shared/log/connect/client.ts';
import { createLogger } from '../../../shared/runtime/logger.ts';

export const withAdmin = <T>(kafka: string, work: (admin: Admin) => Promise<T>): Promise<T> =>
  createLogClient({ brokers: [kafka], clientId: 'drill', logger: createLogger('drill', 'silent') }).withAdmin(work);
