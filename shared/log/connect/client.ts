// shared/log/connect/client.ts: the client of Kafka that readers, appenders and tools are built on: addresses, time-outs, retries.
// Never leave an option of kafkajs to its default: the defaults change with NODE_ENV.

import { connect as connectPlain, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type Admin, type Consumer, type ConsumerConfig, type ISocketFactory, Kafka, type KafkaConfig, logLevel } from 'kafkajs';
import type { AppError } from '../../runtime/app-error.ts';
import { applyIdleTimerPatch } from './idle-timer-patch.ts';
import { forwardKafkajsLog } from './kafkajs-log.ts';
import { type Link, openLink } from './link.ts';
import { findMismatch } from './security-mismatch.ts';
import { trackSockets } from './sockets.ts';
import { applySteadyClockPatch } from './steady-clock-patch.ts';

/** The part of pino that is used here. */
export interface LogLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface LogClientOptions {
  /** `host:port`, any of which leads to all others. */
  brokers: string[];
  clientId: string;
  logger: LogLogger;
  ssl?: KafkaConfig['ssl'];
  sasl?: KafkaConfig['sasl'];
  partitionCounts?: LogClient['partitionCounts'];
  /** Opens the sockets instead of `openSocket`, for instance through a tunnel: it is given the address the broker advertises. */
  socketFactory?: ISocketFactory;
}

export interface LogClient {
  readonly clientId: string;
  readonly logger: LogLogger;
  /**
   * The configured number of partitions by topic. Partitions beyond it hold nothing of ours: readers are not given them, and the ends of the
   * log leave them out. Of a topic that is not here, all are ours.
   */
  readonly partitionCounts?: ReadonlyMap<string, number>;
  /** Connections of the caller's own; `cluster.connect()` opens them. */
  openLink(): Link;
  /** Its connections are its own; after `cut` it connects again. */
  consumer(config: ConsumerConfig): { consumer: Consumer; cut(): void };
  /** A connected admin client; the caller disconnects it. */
  connectAdmin(): Promise<Admin>;
  /** Connects an admin client, hands it to `work`, and disconnects it in any case. */
  withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T>;
  /**
   * Whether the cause of `error` is credentials, a certificate, or TLS or SASL on one side only: SECURITY_MISMATCH with what to
   * change, else null. Asks the brokers where the error leaves it open, for some seconds at most. Never rejects.
   */
  securityMismatch(error: unknown): Promise<AppError | null>;
}

/** Whether the configured number of partitions includes it. */
export const isOurs = ({ partitionCounts }: Pick<LogClient, 'partitionCounts'>, topic: string, partition: number): boolean =>
  partition < (partitionCounts?.get(topic) ?? Number.POSITIVE_INFINITY);

const CONNECTION_TIMEOUT_MS = 3_000; // a broker that does not answer a SYN for 3 s is better replaced by another
const REQUEST_TIMEOUT_MS = 10_000; // what a caller of the appender may at most wait for an answer; fetches and joins allow themselves more
const AUTHENTICATION_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 60_000;

// Short pauses: the appender and the reader have back-offs of their own. Every attempt takes the next broker of the list,
// so there must be at least as many as brokers.
const retryOf = (brokers: number) => ({
  initialRetryTime: 100,
  multiplier: 2,
  maxRetryTime: 1_000,
  factor: 0.2,
  retries: Math.max(5, brokers),
});

/** All that the connections of a client have in common. */
const configOf = ({ brokers, clientId, logger, ssl, sasl }: Omit<LogClientOptions, 'socketFactory' | 'partitionCounts'>): KafkaConfig => ({
  brokers,
  clientId,
  ...(ssl === undefined ? {} : { ssl }),
  ...(sasl === undefined ? {} : { sasl }),
  connectionTimeout: CONNECTION_TIMEOUT_MS,
  authenticationTimeout: AUTHENTICATION_TIMEOUT_MS,
  reauthenticationThreshold: 10_000,
  requestTimeout: REQUEST_TIMEOUT_MS,
  enforceRequestTimeout: true,
  retry: retryOf(brokers.length),
  logLevel: logLevel.INFO,
  logCreator: forwardKafkajsLog(logger),
});

/** Nothing is connected until something made from it connects. */
export const createLogClient = (options: LogClientOptions): LogClient => {
  const { brokers, clientId, logger, ssl, sasl, partitionCounts = new Map(), socketFactory = openSocket } = options;
  applyIdleTimerPatch();
  applySteadyClockPatch();
  const retry = retryOf(brokers.length);
  const base = configOf({ brokers, clientId, logger, ssl, sasl });
  // kafkajs begins with the first of the list. A user that gives up on a silent broker and connects anew begins with the next.
  let first = 0;
  const createKafka = (factory: ISocketFactory): Kafka => {
    const turn = first++ % brokers.length;
    return new Kafka({ ...base, brokers: [...brokers.slice(turn), ...brokers.slice(0, turn)], socketFactory: factory });
  };
  const connectAdmin = async (): Promise<Admin> => {
    const { factory, shaking } = trackSockets(socketFactory);
    const admin = createKafka(factory).admin({ retry });
    try {
      await shaking(() => admin.connect());
      return admin;
    } catch (error) {
      disconnect(admin);
      throw error;
    }
  };
  const disconnect = (admin: Admin): void => {
    admin.disconnect().catch((error) => logger.debug({ err: error }, 'an admin client did not disconnect cleanly'));
  };

  return {
    clientId,
    logger,
    partitionCounts,
    openLink: () => openLink(socketFactory, createKafka),
    // A fresh map of committed offsets per consumer: kafkajs shares it among the consumers of one Kafka object.
    consumer: (config) => {
      const { factory, cut } = trackSockets(socketFactory);
      const withRetry = { ...config, retry: { ...retry, restartOnFailure: async () => true, ...config.retry } };
      return { consumer: createKafka(factory).consumer(withRetry), cut };
    },
    connectAdmin,
    withAdmin: async (work) => {
      const admin = await connectAdmin();
      try {
        return await work(admin);
      } finally {
        disconnect(admin);
      }
    },
    securityMismatch: (error) => findMismatch({ brokers, ssl, sasl, socketFactory }, error),
  };
};

/** What kafkajs does by default, without Nagle's delay: a request is written whole and answered before the next. */
export const openSocket: ISocketFactory = ({ host, port, ssl, onConnect }) => {
  const socket = ssl
    ? connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }), ...ssl }, onConnect)
    : connectPlain({ host, port }, onConnect);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  socket.setNoDelay(true);
  return socket;
};
