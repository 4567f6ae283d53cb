// tests/support/faults/network/raw-broker.ts: record batches (raw-batches.ts) to and from a broker as bytes, over a socket of one's own.

import { once } from 'node:events';
import { connect } from 'node:net';
import { connectBroker } from '../../../oracle/protocol/broker.ts';
import { int16, int32, text } from '../../../oracle/protocol/wire.ts';
import { parseAddress } from './fault-proxy.ts';
import { PRODUCE, splitFrames } from './kafka-frames.ts';

export interface RawBroker {
  /** Appends a batch as it is; the broker gives it its offsets. Resolves with the first; rejects with the broker's error code. */
  append(topic: string, partition: number, batch: Buffer): Promise<number>;
  /** The batches of a partition from its beginning, as many as one answer of the broker holds. */
  batches(topic: string, partition: number): Promise<Buffer[]>;
  close(): void;
}

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
  const oracle = await connectBroker(broker);
  const close = (): void => {
    oracle.close();
    socket.destroy();
  };
  return { append, batches: (topic, partition) => oracle.batches(topic, partition, 0), close };
};
