// ops/local-stack/kafka/probe-kafka.ts: does a broker serve requests? One Metadata request over a bare socket: an open port alone
// comes before the broker takes part in its cluster.

import { connect } from 'node:net';

const ANSWER_LIMIT_MS = 2_000;

// Metadata version 1 without topics: api key 3, correlation id 0, no client id, an empty list of topics.
const REQUEST = Buffer.from([0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0]);
// Length, correlation id, number of brokers: 4 bytes each.
const ANSWER_HEAD_BYTES = 12;

/** True once the broker at host:port answers and names at least one live broker. Never rejects. */
export const kafkaAnswers = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port });
    let answer = Buffer.alloc(0);
    const finish = (answers: boolean) => {
      socket.destroy();
      resolve(answers);
    };
    socket.setTimeout(ANSWER_LIMIT_MS, () => finish(false));
    socket.once('error', () => finish(false));
    socket.once('close', () => finish(false));
    socket.once('connect', () => socket.write(REQUEST));
    socket.on('data', (chunk) => {
      answer = Buffer.concat([answer, chunk]);
      if (answer.length >= ANSWER_HEAD_BYTES) finish(answer.readInt32BE(8) > 0);
    });
  });
