// tests/oracle/protocol/broker.ts: asks brokers as bytes, over sockets of its own: who leads a topic, where it ends, what stands there.
// Written from https://kafka.apache.org/protocol: a client library would hide what it cannot read.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { int16, int32, int64, text } from './wire.ts';

const METADATA = 3;
const LIST_OFFSETS = 2;
const FETCH = 1;
const LATEST = -1;
const UNCOMMITTED = 0;
const FETCHED_BYTES_MAX = 8_000_000;

export interface Leader {
  /** `host:port` */
  address: string;
  partitions: number[];
}

export interface BrokerConnection {
  leaders: (topic: string) => Promise<Leader[]>;
  /** The high watermark of each partition, all led by this broker. */
  ends: (topic: string, partitions: readonly number[]) => Promise<Map<number, number>>;
  /** Whole batches of a partition, the first of them with this offset in it. */
  batches: (topic: string, partition: number, offset: number) => Promise<Buffer[]>;
  close: () => void;
}

/** One request at a time. */
export const connectBroker = async (address: string): Promise<BrokerConnection> => {
  const at = address.lastIndexOf(':');
  const socket = connect({ host: address.slice(0, at), port: Number(address.slice(at + 1)) }).setNoDelay(true);
  await once(socket, 'connect');
  const answers = framesOf(socket);
  const ask = async (key: number, version: number, ...body: Buffer[]): Promise<ReturnType<typeof walk>> => {
    const request = Buffer.concat([int16(key), int16(version), int32(1), text('oracle'), ...body]);
    socket.write(Buffer.concat([int32(request.length), request]));
    const { value } = await answers.next();
    if (value === undefined) throw new Error(`The broker at ${address} closed the connection.`);
    return walk(value);
  };
  return {
    leaders: async (topic) => {
      const answer = await ask(METADATA, 1, int32(1), text(topic));
      const addresses = new Map<number, string>();
      answer.each(() => {
        const id = answer.int32();
        addresses.set(id, `${answer.text()}:${answer.int32()}`);
        answer.text(); // rack
      });
      answer.int32(); // controller
      const led = new Map<number, number[]>();
      answer.each(() => {
        answer.int16();
        answer.text();
        answer.skip(1); // internal
        answer.each(() => {
          answer.int16();
          const [partition, leader] = [answer.int32(), answer.int32()];
          led.set(leader, [...(led.get(leader) ?? []), partition]);
          for (const _ of ['replicas', 'in sync']) answer.skip(4 * answer.int32());
        });
      });
      return Array.from(led, ([leader, partitions]) => {
        const leads = addresses.get(leader);
        if (leads === undefined) throw new Error(`${topic}/${partitions} has no leader.`);
        return { address: leads, partitions };
      });
    },
    ends: async (topic, partitions) => {
      const wanted = partitions.map((partition) => Buffer.concat([int32(partition), int32(-1), int64(LATEST)]));
      const answer = await ask(LIST_OFFSETS, 4, int32(-1), Buffer.of(UNCOMMITTED), int32(1), text(topic), int32(wanted.length), ...wanted);
      answer.skip(4 + 4); // throttling, one topic
      answer.text();
      const ends = new Map<number, number>();
      answer.each(() => {
        const partition = answer.int32();
        refuse(answer.int16(), `${topic}/${partition}`);
        answer.skip(8); // timestamp
        ends.set(partition, answer.int64());
        answer.skip(4); // epoch
      });
      return ends;
    },
    batches: async (topic, partition, offset) => {
      const limits = [int32(-1), int32(100), int32(1), int32(FETCHED_BYTES_MAX), Buffer.of(UNCOMMITTED), int32(0), int32(-1)];
      const wanted = [int32(partition), int32(-1), int64(offset), int64(-1), int32(FETCHED_BYTES_MAX)];
      const answer = await ask(FETCH, 11, ...limits, int32(1), text(topic), int32(1), ...wanted, int32(0), int16(0));
      answer.skip(4 + 2 + 4 + 4); // throttling, error, session, one topic
      answer.text();
      answer.skip(4 + 4); // one partition, its number
      refuse(answer.int16(), `${topic}/${partition}`);
      answer.skip(24); // ends and beginning
      answer.skip(16 * Math.max(answer.int32(), 0) + 4); // aborted transactions, preferred replica
      return cut(answer.bytes(Math.max(answer.int32(), 0)));
    },
    close: () => socket.destroy(),
  };
};

const refuse = (errorCode: number, where: string): void => {
  if (errorCode !== 0) throw new Error(`The broker answers with error ${errorCode} for ${where}.`);
};

/** The last one may be cut off: then it comes with the next answer. */
const cut = (records: Buffer): Buffer[] => {
  const batches: Buffer[] = [];
  for (let start = 0; start + 12 <= records.length; ) {
    const end = start + 12 + records.readInt32BE(start + 8);
    if (end > records.length) break;
    batches.push(records.subarray(start, end));
    start = end;
  }
  return batches;
};

/** What the broker answers, without its length. */
async function* framesOf(socket: Socket): AsyncGenerator<Buffer> {
  let waiting = Buffer.alloc(0);
  for await (const bytes of socket) {
    waiting = Buffer.concat([waiting, bytes as Buffer]);
    while (waiting.length >= 4 && waiting.length >= 4 + waiting.readInt32BE(0)) {
      const end = 4 + waiting.readInt32BE(0);
      yield waiting.subarray(4, end);
      waiting = waiting.subarray(end);
    }
  }
}

const walk = (answer: Buffer) => {
  let at = 4; // correlation id
  const skip = (bytes: number): number => {
    at += bytes;
    if (at > answer.length) throw new RangeError('The answer of the broker ends too early.');
    return at - bytes;
  };
  const int16 = (): number => answer.readInt16BE(skip(2));
  const int32 = (): number => answer.readInt32BE(skip(4));
  const bytes = (length: number): Buffer => answer.subarray(skip(length), at);
  return {
    skip,
    bytes,
    int16,
    int32,
    int64: (): number => Number(answer.readBigInt64BE(skip(8))),
    text: (): string => bytes(Math.max(int16(), 0)).toString(),
    each: (read: () => void): void => {
      for (let left = int32(); left > 0; left -= 1) read();
    },
  };
};
