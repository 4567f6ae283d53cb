// shared/log/protocol/decompress.ts: unpacks a compressed batch, up to a limit: a few KB can unpack to gigabytes.
// We never compress (it costs throughput at our batch sizes). Node brings gzip and zstd, for what brokers and other clients may compress.

import { gunzipSync, type ZlibOptions, type ZstdOptions, zstdDecompressSync } from 'node:zlib';
import type { UnopenedReason } from '../log.ts';
import { BATCH_BYTES_MAX } from './batch-limits.ts';

const CODECS: Readonly<Record<number, (bytes: Buffer, options: ZlibOptions & ZstdOptions) => Buffer>> = {
  1: gunzipSync,
  4: zstdDecompressSync,
};

/** The records as they were, or why they are not unpacked. Stops at the limit: what is behind it costs nothing. */
export const decompress = (bytes: Buffer, codec: number): Buffer | UnopenedReason => {
  const unpack = CODECS[codec];
  if (unpack === undefined) return 'UNKNOWN_CODEC';
  try {
    return unpack(bytes, { maxOutputLength: BATCH_BYTES_MAX });
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? 'TOO_LARGE' : 'MALFORMED_BATCH';
  }
};
