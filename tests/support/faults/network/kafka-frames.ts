// tests/support/faults/network/kafka-frames.ts: as much of Kafka's protocol as a proxy must understand.
// Written from https://kafka.apache.org/protocol and sharing nothing with shared/log/protocol. Versions that it does not know are an error.

import { int16, int32, text } from '../../../oracle/protocol/wire.ts';

export const PRODUCE = 0;
export const FETCH = 1;
export const LIST_OFFSETS = 2;
export const METADATA = 3;
export const FIND_COORDINATOR = 10;
export const HEARTBEAT = 12;

/** A request on its way to the broker. `frame` begins with its length. */
export interface Request {
  apiKey: number;
  apiVersion: number;
  correlationId: number;
  frame: Buffer;
}

export const parseRequest = (frame: Buffer): Request => ({
  apiKey: frame.readInt16BE(4),
  apiVersion: frame.readInt16BE(6),
  correlationId: frame.readInt32BE(8),
  frame,
});

/** Cuts a stream of bytes into frames: an int32 with the length of the rest, then the rest. */
export const splitFrames = (onFrame: (frame: Buffer) => void): ((bytes: Buffer) => void) => {
  let waiting: Buffer[] = [];
  let size = 0;
  return (bytes) => {
    waiting.push(bytes);
    size += bytes.length;
    while (size >= 4) {
      const first = waiting[0]!.length >= 4 ? waiting[0]! : Buffer.concat(waiting);
      const length = 4 + first.readInt32BE(0);
      if (size < length) return;
      const all = Buffer.concat(waiting);
      waiting = [all.subarray(length)];
      size -= length;
      onFrame(all.subarray(0, length));
    }
  };
};

/** Walks through a frame. */
const walk = (frame: Buffer, start: number) => {
  let at = start;
  const take = (bytes: number): number => {
    at += bytes;
    if (at > frame.length) throw new RangeError('a frame ends too early: another version of the protocol?');
    return at - bytes;
  };
  const int16 = (): number => frame.readInt16BE(take(2));
  const int32 = (): number => frame.readInt32BE(take(4));
  return {
    at: () => at,
    skip: take,
    int16,
    int32,
    /** Null and empty are the same. */
    text: (): string => {
      const length = Math.max(int16(), 0);
      return frame.toString('utf8', take(length), at);
    },
  };
};

const known = (request: Request, name: string, versions: readonly number[]): void => {
  if (!versions.includes(request.apiVersion)) throw new Error(`The proxy does not know ${name} in version ${request.apiVersion}.`);
};

/** Topic → partitions that a Produce appends to, and how many bytes of batches it carries in all. */
export const producedTo = (request: Request): { partitions: Map<string, number[]>; bytes: number } => {
  known(request, 'Produce', [7]);
  const step = walk(request.frame, 12);
  step.text(); // client id
  step.text(); // transactional id
  step.skip(6); // acks, time-out
  const partitions = new Map<string, number[]>();
  let bytes = 0;
  for (let topics = step.int32(); topics > 0; topics--) {
    const topic = step.text();
    const numbers: number[] = [];
    for (let count = step.int32(); count > 0; count--) {
      numbers.push(step.int32());
      const length = step.int32();
      step.skip(length);
      bytes += length;
    }
    partitions.set(topic, numbers);
  }
  return { partitions, bytes };
};

/** Writes the error code into the answer for every partition of these topics (all, unless named) and says into how many. */
export const failProduced = (response: Buffer, request: Request, errorCode: number, only?: string): number => {
  known(request, 'Produce', [7]);
  const step = walk(response, 8);
  let changed = 0;
  for (let topics = step.int32(); topics > 0; topics--) {
    const topic = step.text();
    for (let count = step.int32(); count > 0; count--) {
      step.skip(4); // partition
      const at = step.skip(2);
      const offsetAt = step.skip(8);
      step.skip(16); // append time, log start offset
      if (only !== undefined && only !== topic) continue;
      response.writeInt16BE(errorCode, at);
      response.writeBigInt64BE(-1n, offsetAt);
      changed += 1;
    }
  }
  return changed;
};

/** The answer of a broker that appended nothing of it. */
export const refusalOf = (request: Request, errorCode: number): Buffer => {
  const { partitions } = producedTo(request);
  const parts: Buffer[] = [int32(request.correlationId), int32(partitions.size)];
  for (const [topic, numbers] of partitions) {
    parts.push(text(topic), int32(numbers.length));
    for (const number of numbers) parts.push(int32(number), int16(errorCode), NO_OFFSETS);
  }
  parts.push(int32(0)); // no throttling
  return framed(parts);
};
const NO_OFFSETS = Buffer.alloc(24, 0xff); // base offset, append time, log start offset: -1

interface FetchedPart {
  partition: number;
  /** Where they stand in the answer: the error code; high watermark, last stable offset and log start; the records. */
  errorAt: number;
  endsAt: number;
  recordsAt: number;
  recordsLength: number;
}

/** What a Fetch's answer says of each partition. */
function* fetchedParts(response: Buffer, request: Request): Generator<FetchedPart> {
  known(request, 'Fetch', [11]);
  const step = walk(response, 8);
  step.skip(4 + 2 + 4); // throttling, error, session
  for (let topics = step.int32(); topics > 0; topics--) {
    step.text();
    for (let count = step.int32(); count > 0; count--) {
      const partition = step.int32();
      const errorAt = step.skip(2);
      const endsAt = step.skip(24);
      step.skip(Math.max(step.int32(), 0) * 16 + 4); // aborted transactions, preferred replica
      const recordsLength = Math.max(step.int32(), 0);
      yield { partition, errorAt, endsAt, recordsAt: step.skip(recordsLength), recordsLength };
    }
  }
}

/** Writes the error code into every partition of a Fetch's answer and says into how many. Its records stay: nobody may look at them. */
export const failFetched = (response: Buffer, request: Request, errorCode: number): number => {
  let changed = 0;
  for (const { errorAt } of fetchedParts(response, request)) {
    response.writeInt16BE(errorCode, errorAt);
    changed += 1;
  }
  return changed;
};

/** Flips a bit at the end of the records of this partition, or of every one, in a Fetch's answer, and says in how many. */
export const damageFetched = (response: Buffer, request: Request, only?: number): number => {
  let changed = 0;
  for (const { partition, recordsAt, recordsLength } of fetchedParts(response, request)) {
    if (recordsLength === 0 || (only !== undefined && only !== partition)) continue;
    response[recordsAt + recordsLength - 1]! ^= 1;
    changed += 1;
  }
  return changed;
};

/** Has every partition of a Fetch's answer end at offset 0 as far as readers may see, and says in how many that changes something. */
export const forgetHighWatermarks = (response: Buffer, request: Request): number => {
  let changed = 0;
  for (const { endsAt } of fetchedParts(response, request)) {
    if (response.readBigInt64BE(endsAt) > 0n) changed += 1;
    response.fill(0, endsAt, endsAt + 16); // high watermark, last stable offset
  }
  return changed;
};

/** Writes the error code into every partition of a ListOffsets' answer, without an offset, as a leader does that cannot say. */
export const failListedOffsets = (response: Buffer, request: Request, errorCode: number): void => {
  known(request, 'ListOffsets', [4]);
  const step = walk(response, 8);
  step.skip(4); // throttling
  for (let topics = step.int32(); topics > 0; topics--) {
    step.text();
    for (let count = step.int32(); count > 0; count--) {
      step.skip(4);
      response.writeInt16BE(errorCode, step.skip(2));
      const at = step.skip(16); // timestamp, offset
      response.fill(0xff, at, at + 16);
      step.skip(4); // epoch
    }
  }
};

/** How many bytes of records a Fetch brought. */
export const fetchedBytes = (response: Buffer, request: Request): number =>
  [...fetchedParts(response, request)].reduce((bytes, { recordsLength }) => bytes + recordsLength, 0);

/** The answer with the proxy's port wherever the broker names its own, so that clients come back through the proxy. */
export const withPort = (response: Buffer, request: Request, port: number): Buffer => {
  if (request.apiKey === METADATA) advertiseIn(response, request, port);
  if (request.apiKey === FIND_COORDINATOR) {
    known(request, 'FindCoordinator', [0, 1, 2]);
    const step = walk(response, 8);
    if (request.apiVersion > 0) step.skip(4);
    const error = step.int16();
    if (request.apiVersion > 0) step.text();
    step.skip(4); // node
    step.text(); // host
    if (error === 0) response.writeInt32BE(port, step.skip(4));
  }
  return response;
};

const advertiseIn = (response: Buffer, request: Request, port: number): void => {
  if (request.apiVersion >= 9) return; // asked by the service for ids of topics alone
  const step = walk(response, 8);
  if (request.apiVersion >= 3) step.skip(4);
  const brokers = step.int32();
  if (brokers > 1) throw new Error('The proxy stands before one broker, and this cluster has more.');
  if (brokers < 1) return;
  step.skip(4); // node
  step.text(); // host: loopback, like the proxy's
  response.writeInt32BE(port, step.skip(4));
};

const framed = (parts: Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  return Buffer.concat([int32(body.length), body]);
};
