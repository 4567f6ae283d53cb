// bench/system/child.ts: a script of the bench as a process of its own, with a message channel. It ends with its parent, because it
// listens for the channel's end.

import { fork } from 'node:child_process';
import { basename } from 'node:path';

export interface Child {
  pid: number;
  send: (message: object) => void;
  /** Returns how to stop listening. */
  onMessage: (listener: (message: unknown) => void) => () => void;
  ended: Promise<void>;
  stop: () => Promise<void>;
}

export const startChild = (script: string): Child => {
  const { PATH, HOME, TMPDIR } = process.env;
  const child = fork(script, { env: { PATH, HOME, TMPDIR }, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    pid: child.pid!,
    send: (message) => void child.send(message),
    onMessage: (listener) => {
      child.on('message', listener);
      return () => child.off('message', listener);
    },
    ended,
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
};

export interface ServerChild {
  pid: number;
  port: number;
  stop: () => Promise<void>;
}

/** For scripts that take their settings as the first message and answer `{ port }` when they listen. */
export const startServerChild = async (script: string, settings: object): Promise<ServerChild> => {
  const child = startChild(script);
  const { promise: listening, resolve, reject } = Promise.withResolvers<number>();
  const stopListening = child.onMessage((message) => resolve((message as { port: number }).port));
  child.ended.then(() => reject(new Error(`${basename(script)} ended while it was starting`)));
  child.send(settings);
  const port = await listening.finally(stopListening);
  return { pid: child.pid, port, stop: child.stop };
};
