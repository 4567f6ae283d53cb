// shared/log/append/partitioner.ts: which partition a key belongs to: murmur2 of the key's bytes, every Kafka client's default.
// Not taken from kafkajs, whose murmur2 computes with BigInt (3 µs a key, here 0.1); the tests compare the two.

const SEED = 0x9747b28c;
const M = 0x5bd1e995;
const R = 24;

/** 0 ≤ result < `partitionCount`. A record without a key goes to partition 0. */
export const partitionOf = (key: string | Buffer | null, partitionCount: number): number =>
  key === null ? 0 : (murmur2(typeof key === 'string' ? Buffer.from(key) : key) & 0x7fffffff) % partitionCount;

// org.apache.kafka.common.utils.Utils.murmur2
const murmur2 = (data: Buffer): number => {
  const length = data.length;
  const tail = length & ~3;
  let hash = SEED ^ length;
  for (let at = 0; at < tail; at += 4) {
    let word = Math.imul(data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24), M);
    word = Math.imul(word ^ (word >>> R), M);
    hash = Math.imul(hash, M) ^ word;
  }
  const left = length - tail;
  if (left === 3) hash ^= data[tail + 2]! << 16;
  if (left >= 2) hash ^= data[tail + 1]! << 8;
  if (left >= 1) hash = Math.imul(hash ^ data[tail]!, M);
  hash = Math.imul(hash ^ (hash >>> 13), M);
  return hash ^ (hash >>> 15);
};
