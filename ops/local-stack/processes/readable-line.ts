// ops/local-stack/processes/readable-line.ts: what a process says, for a person at a terminal.
// A JSON log line becomes a sentence, whatever else it prints stays as it is.

import { prettyFactory } from 'pino-pretty';

const pretty = prettyFactory({
  colorize: process.stdout.isTTY,
  singleLine: true, // one event, one line; only stack traces take more
  translateTime: 'SYS:HH:MM:ss.l',
  ignore: 'role,pid', // the line begins with the process's name
});

export const readableLine = (line: string): string => pretty(line).trimEnd();
