// shared/runtime/outage.ts: says once that something fails and is tried again, and once that it works again.
// For loops that retry; what is not tried again is an error, and its caller's.

/** The part of pino that is used here. */
export interface OutageLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface OutageOptions {
  /** Whether a failure comes with every start, so that even the first is no warning. Default: none does. */
  isUsual?: (reason: string) => boolean;
  /** Monotonic milliseconds. */
  now?: () => number;
}

export interface Outage {
  /** An attempt failed, and another one follows. The first is said with its cause, the others at debug with their stacks. */
  failed: (error: unknown, fields?: object) => void;
  /** An attempt was successful. Says so if a failure was said; costs nothing where there was none. */
  over: () => void;
}

// Attempts that fail and succeed in turn are one outage: what fails again so soon is said once it has gone on failing for as long.
const SETTLED_AFTER_MS = 1_000;
const CAUSES_MAX = 5; // kafkajs wraps twice, we once

/** `doing` is what fails, for people: 'appending', 'reading orders'. One for all who do it, however many there are. */
export const createOutage = (logger: OutageLogger, doing: string, options: OutageOptions = {}): Outage => {
  const { isUsual = () => false, now = () => performance.now() } = options;
  let attempts = 0; // that failed since it last worked
  let since = 0;
  let said = false;
  let settledAt = Number.NEGATIVE_INFINITY; // from when on a failure is a new outage

  return {
    failed: (error, fields = {}) => {
      attempts += 1;
      if (attempts === 1) since = now();
      if (said || now() < settledAt) {
        logger.debug({ ...fields, err: error, attempts }, `${doing} fails`);
        return;
      }
      said = true;
      const reason = reasonOf(error);
      logger[isUsual(reason) ? 'info' : 'warn']({ ...fields, outage: doing, reason }, `${doing} fails; trying again`);
    },
    over: () => {
      if (attempts === 0) return;
      if (said) {
        const seconds = Math.round(now() - since) / 1_000;
        logger.info({ outage: doing, attempts, seconds }, `${doing} works again`);
        settledAt = now() + SETTLED_AFTER_MS;
      }
      attempts = 0;
      said = false;
    },
  };
};

/** What the error and its causes say, each sentence once. */
export const reasonOf = (error: unknown): string => {
  const sentences: string[] = [];
  for (let cause = error, depth = 0; cause !== undefined && cause !== null && depth < CAUSES_MAX; depth += 1) {
    const sentence = messageOf(cause);
    if (!sentences.some((known) => known.includes(sentence))) sentences.push(sentence);
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return sentences.join(' ← ');
};

/** Node's AggregateError, of a host with several addresses, has no message of its own. */
const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  if (error.message !== '') return error.message;
  return error instanceof AggregateError ? error.errors.map(messageOf).join(', ') : error.name;
};
