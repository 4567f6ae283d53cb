// shared/log/identity/record-identity.ts: what tells a record from any other that might stand in its place (R9, R17).

import type { LogRecord } from '../log.ts';
import { crc32c } from '../protocol/crc32c.ts';

/** The record's ce_id. Without one: when it was written and the checksum of its value, which two records hardly share by chance. */
export const identityOf = ({ headers, value, timestamp }: Pick<LogRecord, 'headers' | 'value' | 'timestamp'>): string => {
  const id = headers.ce_id?.toString('utf8') ?? '';
  if (id !== '') return id;
  const checksum = value === null ? 0 : crc32c(value, 0, value.length);
  return `${timestamp}-${checksum.toString(16)}`;
};
