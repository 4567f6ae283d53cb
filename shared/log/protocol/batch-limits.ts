// shared/log/protocol/batch-limits.ts: how much of what other programs wrote a reader takes into memory at once.

/**
 * What a batch may unpack to, and what it may hold, in records and their headers. A larger one is not opened. Our own batches have at most
 * 900 KB, 500 records and 7,000 parts; 8 MB of our events are some 280,000 parts, each 100 bytes of memory and more.
 */
export const BATCH_BYTES_MAX = 8_000_000;
export const BATCH_PARTS_MAX = 300_000;

/** The same of all batches of one fetch; what a batch brings beyond it, the next fetch leaves out. Twice what one of them may have. */
export const FETCH_UNPACKED_BYTES_MAX = 16_000_000;
export const FETCH_PARTS_MAX = 600_000;

/** What one fetch may still bring: counted down. */
export interface FetchRoom {
  unpackedBytes: number;
  parts: number;
}

export const newFetchRoom = (): FetchRoom => ({ unpackedBytes: FETCH_UNPACKED_BYTES_MAX, parts: FETCH_PARTS_MAX });

export const isUsedUp = ({ unpackedBytes, parts }: FetchRoom): boolean => unpackedBytes <= 0 || parts <= 0;
