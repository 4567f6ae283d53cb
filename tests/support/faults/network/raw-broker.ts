// tests/support/faults/network/raw-broker.ts: record batches (raw-batches.ts) to and from a broker as bytes, over a socket of one's own.

import { once } from 'node:events';
import { connect } from 'node:net';
import { parseAddress } from './fault-proxy.ts';
import { FETCH, PRODUCE, splitFrames } from './kafka-frames.ts';

export interface RawBroker {
  /** Appends a batch as it is; the broker gives it its offsets. Resolves with the first; rejects with the broker's error code. */
  append(topic: string, partition: number, batch: Buffer): Promise<number>;
  /** The batches of a partition from its beginning, as many as one answer of the broker holds. */
  batches(topic: string, partition: number): Promise<Buffer[]>;
  close(): void;
}

const FETCHED_BYTES_MAX = 4_000_000;

/** One connection; one request at a time. */
export const connectRaw = async (broker: string): Promise<RawBroker> => {
  const socket = connect(parseAddress(broker)).setNoDelay(true);
  let answered: (answer: Buffer) => void = () => {};
  let failed: (error: Error) => void = () => {};
  socket.on(
    'data',
    splitFrames((frame) => answered(frame)),
  );
  socket.on('error', (error) => failed(error));
  socket.on('close', () => failed(new Error('The broker closed the connection instead of answering.')));
  await once(socket, 'connect');

  const ask = (apiKey: number, apiVersion: number, body: Buffer): Promise<Buffer> => {
    const request = Buffer.concat([int16(apiKey), int16(apiVersion), int32(1), text('raw'), body]);
    return new Promise((resolve, reject) => {
      [answered, failed] = [resolve, reject];
      socket.write(Buffer.concat([int32(request.length), request]));
    });
  };
  const append: RawBroker['append'] = async (topic, partition, batch) => {
    const head = Buffer.concat([int16(-1), int16(-1), int32(8_000), int32(1), text(topic), int32(1), int32(partition)]);
    const answer = await ask(PRODUCE, 7, Buffer.concat([head, int32(batch.length), batch]));
    const at = 8 + 4 + 2 + Buffer.byteLength(topic) + 4 + 4;
    const errorCode = answer.readInt16BE(at);
    if (errorCode !== 0) throw new Error(`The broker refuses the batch with error ${errorCode}.`);
    return Number(answer.readBigInt64BE(at + 2));
  };
  const batches: RawBroker['batches'] = async (topic, partition) => {
    const limits = Buffer.concat([int32(-1), int32(100), int32(1), int32(FETCHED_BYTES_MAX), Buffer.of(0), int32(0), int32(-1)]);
    const wanted = Buffer.concat([int32(partition), int32(-1), int64(0), int64(-1), int32(FETCHED_BYTES_MAX)]);
    const answer = await ask(FETCH, 11, Buffer.concat([limits, int32(1), text(topic), int32(1), wanted, int32(0), int16(0)]));
    let at = 8 + 4 + 2 + 4 + 4 + 2 + Buffer.byteLength(topic) + 4 + 4;
    const errorCode = answer.readInt16BE(at);
    if (errorCode !== 0) throw new Error(`The broker answers the fetch with error ${errorCode}.`);
    at += 2 + 24;
    at += 4 + Math.max(answer.readInt32BE(at), 0) * 16 + 4;
    const records = answer.subarray(at + 4, at + 4 + Math.max(answer.readInt32BE(at), 0));
    const found: Buffer[] = [];
    for (let start = 0; start + 12 <= records.length; ) {
      const end = start + 12 + records.readInt32BE(start + 8);
      if (end > records.length) break;
      found.push(records.subarray(start, end));
      start = end;
    }
    return found;
  };
  return { append, batches, close: () => socket.destroy() };
};

const int16 = (value: number): Buffer => {
  const buffer = Buffer.alloc(2);
  buffer.writeInt16BE(value);
  return buffer;
};
const int32 = (value: number): Buffer => {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value);
  return buffer;
};
const int64 = (value: number): Buffer => {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64BE(BigInt(value));
  return buffer;
};
const text = (value: string): Buffer => Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)]);
