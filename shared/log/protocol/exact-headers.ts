// shared/log/protocol/exact-headers.ts: headers as a list, byte for byte, and as the object that readers look names up in.
// The object says the same as the list for all that this service writes. Where it does not, the record keeps the list beside it.

import type { ExactHeader, LogRecord } from '../log.ts';

type Headers = Pick<LogRecord, 'headers' | 'exactHeaders'>;

const NOTHING = Buffer.alloc(0);
// An object has these before all other names, in the order of the numbers.
const NUMBER = /^\d+$/;

/** Whether an object has this name as it is, in its place. `text` is what the bytes say as UTF-8. */
export const isPlainName = (bytes: Buffer, text: string): boolean => !NUMBER.test(text) && Buffer.from(text).equals(bytes);

/** Of a name that comes twice the last one counts, as for every client that asks Kafka for a header. */
export const headersFrom = (list: readonly ExactHeader[]): Headers => {
  const headers: Record<string, Buffer> = {};
  let isPlain = true;
  for (const [bytes, value] of list) {
    const name = bytes.toString('utf8');
    if (value === null || Object.hasOwn(headers, name) || !isPlainName(bytes, name)) isPlain = false;
    setHeader(headers, name, value ?? NOTHING);
  }
  return isPlain ? { headers } : { headers, exactHeaders: list };
};

export const exactHeadersOf = ({ headers, exactHeaders }: Headers): readonly ExactHeader[] =>
  exactHeaders ?? Object.entries(headers).map(([name, value]) => [Buffer.from(name), value]);

/** `__proto__` as the name of a header must stay a name. */
export const setHeader = (headers: Record<string, Buffer>, name: string, value: Buffer): void => {
  if (name === '__proto__') Object.defineProperty(headers, name, { value, enumerable: true, configurable: true, writable: true });
  else headers[name] = value;
};
