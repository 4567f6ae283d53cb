// shared/log/connect/kafkajs-internals.ts: the one place that reaches behind kafkajs's public interface, typed as far as it is used.
// Wanted from there: its connections (TLS, SASL, time-outs, metadata), for requests that it cannot send or sends at ten times the cost. All
// of it is checked against the one version it was read in: an upgrade fails at once instead of strangely.

import { createRequire } from 'node:module';
import type { Kafka } from 'kafkajs';

const requireKafkajs = createRequire(import.meta.url);
const READ_IN_VERSION = '2.2.4';

/** One connection to one broker. `send` rejects with a kafkajs error if the connection ends or the time-out passes. */
export interface Connection {
  send<T>(call: Call<T> & { requestTimeout?: number; logResponseError?: boolean }): Promise<T>;
}

/** A request that kafkajs carries without knowing it. It prepends the header (version 1) and strips the correlation id. */
export interface Call<T> {
  request: { apiKey: number; apiVersion: number; apiName: string; encode: () => Promise<EncodedRequest> };
  response: { decode: (payload: Buffer) => Promise<T>; parse: (decoded: T) => Promise<T> };
}

/** What kafkajs's Encoder looks like from outside: it copies `buffer`. */
interface EncodedRequest {
  buf: Buffer;
  buffer: Buffer;
}

export interface Broker {
  /** Each broker has two connections, so that a fetch that waits holds nothing else up. Connects if need be. */
  connectionPool: { getConnection(index: number): Promise<Connection> };
  /** Of a group that it coordinates. `groupGenerationId` -1 and no member: taken while the group has no members. */
  offsetCommit(commit: GroupCommit): Promise<unknown>;
}

interface GroupCommit {
  groupId: string;
  groupGenerationId: number;
  memberId: string;
  topics: { topic: string; partitions: { partition: number; offset: string; metadata?: string | undefined }[] }[];
}

/** kafkajs's view of the cluster: which broker leads which partition. */
export interface Cluster {
  connect(): Promise<void>;
  addMultipleTargetTopics(topics: string[]): Promise<void>;
  refreshMetadata(): Promise<void>;
  findTopicPartitionMetadata(topic: string): { partitionId: number; leader: number; replicas: number[] }[];
  findBroker(node: { nodeId: string }): Promise<Broker>;
  /** Connected. */
  findGroupCoordinator(group: { groupId: string }): Promise<Broker>;
  getNodeIds(): string[];
}

export const FETCH_CONNECTION = 1;
export const COMMAND_CONNECTION = 0;

/** A module of kafkajs that it does not export. Throws if another version is installed. */
export const internalModule = <T>(path: string): T => {
  const { version } = requireKafkajs('kafkajs/package.json') as { version: string };
  if (version !== READ_IN_VERSION) {
    throw new Error(`kafkajs ${version} is installed, but shared/log was checked against the inner parts of ${READ_IN_VERSION} only.`);
  }
  return requireKafkajs(`kafkajs/src/${path}`) as T;
};

/** A cluster with connections of its own, made like those of a producer. Nothing is connected yet. */
export const createCluster = (kafka: Kafka): Cluster => {
  const { createErrorFromCode } = internalModule<{ createErrorFromCode?: unknown }>('protocol/error');
  const symbol = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === 'private:Kafka:createCluster');
  if (!symbol || !createErrorFromCode) throw new Error('kafkajs has changed inside: createCluster is missing.');
  const create = (kafka as unknown as Record<symbol, (options: object) => Cluster>)[symbol]!;
  return create({ metadataMaxAge: METADATA_MAX_AGE_MS, allowAutoTopicCreation: false, maxInFlightRequests: null });
};

// Leaders that moved are noticed by the error they cause, so the age hardly matters; kafkajs's default.
const METADATA_MAX_AGE_MS = 300_000;

/** A call from plain functions over buffers. */
export const call = <T>(
  request: { apiKey: number; apiVersion: number; apiName: string; body: Buffer },
  decode: (payload: Buffer) => T,
): Call<T> => ({
  request: {
    apiKey: request.apiKey,
    apiVersion: request.apiVersion,
    apiName: request.apiName,
    encode: async () => ({ buf: request.body, buffer: request.body }),
  },
  response: { decode: async (payload) => decode(payload), parse: async (decoded) => decoded },
});

/** The error that stands for a Kafka error code, with its name in `type`. */
export const protocolError = (code: number): Error & { type: string; retriable: boolean } =>
  internalModule<{ createErrorFromCode: (code: number) => Error & { type: string; retriable: boolean } }>(
    'protocol/error',
  ).createErrorFromCode(code);
