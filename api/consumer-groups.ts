// api/consumer-groups.ts: the consumer groups of the apis, one per instance and topic: every instance reads everything.

import { randomUUID } from 'node:crypto';

const PREFIX = 'orders-api-';

export const newOrdersGroup = (): string => `${PREFIX}${randomUUID()}`;
export const newProductsGroup = (): string => `${PREFIX}products-${randomUUID()}`;
export const isApiGroup = (groupId: string): boolean => groupId.startsWith(PREFIX);
