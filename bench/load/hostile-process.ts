// bench/load/hostile-process.ts: sends one hostile request over eight connections at once, again and again, until it is told to stop.
// A process of its own: making the bytes and sending them must not delay the load that is measured.

import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { hostileRequests } from './hostile-requests.ts';

/** `what`: one of hostileRequests; null: stop. The answer to that is how many were sent. */
export interface HostileJob {
  port: number;
  what: string | null;
}

const AT_ONCE = 8;
// They come in blows: the machine also has the load to send and to measure.
const PAUSE_MS = 50;

const requests = new Map(hostileRequests());
let current: HostileJob = { port: 0, what: null };
let sent = 0;

/** Resolves when the connection is over, however it ended: a server that refuses a body need not read it. */
const sendOne = (port: number, bytes: Buffer): Promise<void> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => {});
    socket.once('close', () => resolve());
    socket.resume();
    socket.end(bytes);
  });

const attack = async (job: HostileJob): Promise<void> => {
  while (current === job) {
    await Promise.all(Array.from({ length: AT_ONCE }, () => sendOne(job.port, requests.get(job.what!)!)));
    sent += AT_ONCE;
    await delay(PAUSE_MS);
  }
};

process.on('message', (job: HostileJob) => {
  current = job;
  if (job.what !== null) {
    sent = 0;
    void attack(job);
  } else {
    process.send!({ sent });
  }
});
process.on('disconnect', () => process.exit());
