// shared/log/connect/client.ts: how this service talks to Kafka at all: addresses, time-outs, retries, log lines. Every option of
// kafkajs is given, because its defaults change with NODE_ENV. Readers, lanes and tools are built on what is made here.

import { connect as connectPlain, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import {
  type Admin,
  type Consumer,
  type ConsumerConfig,
  type ISocketFactory,
  Kafka,
  type KafkaConfig,
  type logCreator,
  logLevel,
} from 'kafkajs';
import type { AppError } from '../../runtime/app-error.ts';
import { createOutage, type Outage } from '../../runtime/outage.ts';
import { applyIdleTimerPatch } from './idle-timer-patch.ts';
import { type Cluster, createCluster } from './kafkajs-internals.ts';
import { type OpenListener, probeListener } from './listener.ts';
import { refusalBy, refusalIn } from './security-mismatch.ts';
import { CLOSED_BY_US, trackSockets } from './sockets.ts';
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
  /** Opens the sockets instead of `openSocket`, for instance through a tunnel: it is given the address the broker advertises. */
  socketFactory?: ISocketFactory;
}

/** Connections to the cluster that belong to one user of them. */
export interface Link {
  cluster: Cluster;
  /** Cuts all sockets at once; whatever was under way rejects. Nothing to wait for. */
  destroy(): void;
}

export interface LogClient {
  readonly clientId: string;
  readonly logger: LogLogger;
  /** Connections of one's own; `cluster.connect()` opens them. */
  openLink(): Link;
  /** Its connections are its own; `cut` ends them, whereupon it connects anew. */
  consumer(config: ConsumerConfig): { consumer: Consumer; cut(): void };
  /** A connected admin client; whoever asked for it disconnects it. */
  connectAdmin(): Promise<Admin>;
  /** Connects an admin client, hands it to `work`, and disconnects it whatever comes of it. */
  withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T>;
  /**
   * Whether `error` comes of credentials, a certificate, or TLS or SASL on one side only: SECURITY_MISMATCH with what to change, else
   * null. Asks the brokers where the error leaves it open, for some seconds at most. Never rejects.
   */
  refusal(error: unknown): Promise<AppError | null>;
}

const CONNECTION_TIMEOUT_MS = 3_000; // a broker that does not answer a SYN for 3 s is better replaced by another
const REQUEST_TIMEOUT_MS = 10_000; // what a caller of the lane may at most wait for an answer; fetches and joins allow themselves more
const AUTHENTICATION_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 60_000;

// Short pauses: the loops above this (lane, reader) have back-offs of their own. Every attempt takes the next broker of the list,
// so there must be at least as many as brokers.
const retryOf = (brokers: number) => ({
  initialRetryTime: 100,
  multiplier: 2,
  maxRetryTime: 1_000,
  factor: 0.2,
  retries: Math.max(5, brokers),
});

/** Nothing is connected until something made from it connects. */
export const createLogClient = ({ brokers, clientId, logger, ssl, sasl, socketFactory = openSocket }: LogClientOptions): LogClient => {
  applyIdleTimerPatch();
  applySteadyClockPatch();
  const retry = retryOf(brokers.length);
  const kafkajsLog = forwardTo(logger);
  const createKafka = (factory: ISocketFactory) =>
    new Kafka({
      brokers,
      clientId,
      ...(ssl === undefined ? {} : { ssl }),
      ...(sasl === undefined ? {} : { sasl }),
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      authenticationTimeout: AUTHENTICATION_TIMEOUT_MS,
      reauthenticationThreshold: 10_000,
      requestTimeout: REQUEST_TIMEOUT_MS,
      enforceRequestTimeout: true,
      retry,
      socketFactory: factory,
      logLevel: logLevel.INFO,
      logCreator: kafkajsLog,
    });
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
    openLink: () => {
      const { factory, cut, shaking } = trackSockets(socketFactory);
      let destroyed = false;
      const unlessDestroyed: ISocketFactory = (args) => {
        if (destroyed) throw new Error(CLOSED_BY_US);
        return factory(args);
      };
      const cluster = createCluster(createKafka(unlessDestroyed));
      const connect = cluster.connect.bind(cluster);
      cluster.connect = () => shaking(connect);
      return {
        cluster,
        // kafkajs's own disconnect waits for pending requests, which may be for ever.
        destroy: () => {
          destroyed = true;
          cut();
        },
      };
    },
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
    refusal: async (error) => {
      const said = refusalIn(error);
      if (said !== null || !isLostConnection(error)) return said;
      const ours = { tls: ssl !== undefined, sasl: sasl !== undefined };
      const asked = brokers.map(async (broker) => {
        const [host, port] = broker.split(':') as [string, string];
        const options = typeof ssl === 'object' ? ssl : {};
        // Nothing is sent that the wrong listener must not see, so it need not say who it is.
        const tls = { ...options, rejectUnauthorized: false };
        const open: OpenListener = (withTls, onConnect) =>
          socketFactory({ host, port: Number(port), ssl: withTls ? tls : (undefined as never), onConnect });
        const listener = await probeListener(open, ours);
        return listener && refusalBy(listener, ours, error);
      });
      return (await Promise.all(asked)).find((refusal) => refusal !== null) ?? null;
    },
  };
};

const isLostConnection = (error: unknown): boolean =>
  error instanceof Error && /Connection|connection|disconnected/.test(`${error.name} ${error.message}`);

/** What kafkajs does by default, without Nagle's delay: a request is written whole and answered before the next. */
export const openSocket: ISocketFactory = ({ host, port, ssl, onConnect }) => {
  const socket = ssl
    ? connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }), ...ssl }, onConnect)
    : connectPlain({ host, port }, onConnect);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  socket.setNoDelay(true);
  return socket;
};

// These come with every first start or rebalance and mean nothing.
const HARMLESS = [
  'group coordinator is not available',
  'coordinator is loading',
  'does not host this topic-partition',
  'Restarting the consumer',
  'Topic creation errors',
  'not the leader',
  'no leader for this topic-partition',
  'rebalancing',
  'aware of this member',
  CLOSED_BY_US,
];

/** An outage of something that needs Kafka: a warning, unless it comes with every first start or rebalance. */
export const createLogOutage = (logger: LogLogger, doing: string): Outage =>
  createOutage(logger, doing, { isUsual: (reason) => HARMLESS.some((part) => reason.includes(part)) });

/**
 * kafkajs calls "error" each attempt that it then repeats, and rejects with it in the end, or ends its consumer's run, which group.ts
 * hears of: whoever it tells decides what is an error, and says it once. So its own lines are for LOG_LEVEL=debug.
 */
const forwardTo =
  (logger: LogLogger): logCreator =>
  () =>
  ({ namespace, log }) => {
    const { message, timestamp: _timestamp, logger: _logger, stack: _stack, ...fields } = log;
    logger.debug({ kafkajs: namespace, ...fields }, `kafkajs: ${message}`);
  };
