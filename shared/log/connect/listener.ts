// shared/log/connect/listener.ts: finds out what a listener of Kafka speaks: TLS or not, SASL or not.
// Asked only when a connection failed: a broker closes what it does not understand without a word, which looks the same as one that is just
// starting.

import type { Socket } from 'node:net';

/** Opens a socket to the listener; `connected` is called when it can be written to. */
export type OpenListener = (tls: boolean, connected: () => void) => Socket;

export interface Listener {
  tls: boolean;
  /** null: it did not say. */
  sasl: boolean | null;
}

const ANSWER_LIMIT_MS = 2_000; // it has just accepted a connection, so it is near
const ILLEGAL_SASL_STATE = 34; // what a listener without SASL answers to this request
// SaslHandshake version 1: api key 17, correlation id 0, no client id, the mechanism PLAIN. Nothing secret is in it.
const REQUEST = Buffer.concat([Buffer.from([0, 0, 0, 17, 0, 17, 0, 1, 0, 0, 0, 0, 0xff, 0xff, 0, 5]), Buffer.from('PLAIN')]);
const ANSWER_HEAD_BYTES = 10; // length, correlation id, error code
const ANSWER_BYTES_MAX = 10_000; // a list of mechanisms; an alert of TLS read as a length is millions

/** Tries `expected` first, then the other; null when neither makes sense. Never rejects. */
export const probeListener = async (open: OpenListener, expected: { tls: boolean }): Promise<Listener | null> =>
  (await ask(open, expected.tls)) ?? ask(open, !expected.tls);

const ask = (open: OpenListener, tls: boolean): Promise<Listener | null> =>
  new Promise((resolve) => {
    let shaken = false;
    let answer = Buffer.alloc(0);
    const finish = (sasl: boolean | null): void => {
      socket.destroy();
      resolve(sasl === null && !(tls && shaken) ? null : { tls, sasl });
    };
    const socket = open(tls, () => {
      shaken = true;
      socket.write(REQUEST);
    });
    socket.setTimeout(ANSWER_LIMIT_MS, () => finish(null));
    socket.once('error', () => finish(null));
    socket.once('close', () => finish(null));
    socket.on('data', (chunk) => {
      answer = Buffer.concat([answer, chunk]);
      if (answer.length < ANSWER_HEAD_BYTES) return;
      const makesSense = answer.readInt32BE(0) <= ANSWER_BYTES_MAX && answer.readInt32BE(4) === 0;
      finish(makesSense ? answer.readInt16BE(8) !== ILLEGAL_SASL_STATE : null);
    });
  });
