// tests/support/builders/unique-name.ts: tests share one broker and one database; names that nobody else uses keep them apart.

import { randomBytes } from 'node:crypto';

/** A name that is valid as topic, consumer group, schema and order id: lower case letters, digits and underscores. */
export const uniqueName = (prefix: string): string => `${prefix}_${Date.now().toString(36)}${randomBytes(4).toString('hex')}`;
