// shared/runtime/logger.ts: one JSON line per event on stdout (pino), or readable lines for a person at a terminal.

import { type Logger as PinoLogger, pino, stdTimeFunctions } from 'pino';

export type Logger = PinoLogger;

/** `level` is one of LOG_LEVEL's values; `role` is in every line. */
export const createLogger = (role: string, level: string): Logger =>
  pino({ level, base: { role, pid: process.pid }, timestamp: stdTimeFunctions.isoTime });
